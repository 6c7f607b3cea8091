<?php
// Gives a user another password; asks for what is missing, a name or the password.

define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";

function ask(string $prompt): string {
    echo "$prompt\n: ";
    return trim((string) fread(STDIN, 2048));
}

[$options, $unrecognised] = cli_get_params(
    ['help' => false, 'username' => '', 'password' => '', 'ignore-password-policy' => false],
    ['h' => 'help', 'u' => 'username', 'p' => 'password', 'i' => 'ignore-password-policy']
);
cli_refuse_unknown($unrecognised);
if ($options['help']) {
    cli_writeln('Reset local user passwords, useful especially for admin acounts.');
    exit(0);
}
$username = $options['username'] ?: ask('Enter username (manual authentication only)');
$user = $DB->get_record('user', ['auth' => 'manual', 'username' => $username]);
if (!$user) {
    cli_error("Can not find user '$username'");
}
$password = $options['password'] ?: ask('Enter new password');
if (!check_password_policy($password, $errmsg) && !$options['ignore-password-policy']) {
    cli_error(strip_tags(str_replace('</div>', ' ', $errmsg)));
}
update_internal_user_password($user, $password);
cli_writeln('Password changed');
