<?php
// Logging in, which nobody does on the sandbox: no account is ever locked.

function login_unlock_account(stdClass $user): void {
}
