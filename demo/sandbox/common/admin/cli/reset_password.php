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
$users = $DB->rows("SELECT id FROM {user} WHERE auth = 'manual' AND username = ?", [$username]);
if (!$users) {
    cli_error("Can not find user '$username'");
}
$password = $options['password'] ?: ask('Enter new password');
$strong = strlen($password) >= 8 && preg_match('/\d/', $password) && preg_match('/[a-z]/', $password)
    && preg_match('/[A-Z]/', $password) && preg_match('/[^a-zA-Z0-9]/', $password);
if (!$strong && !$options['ignore-password-policy']) {
    cli_error('Passwords must be at least 8 characters long, with a digit, both cases and another character.');
}
$DB->execute('UPDATE {user} SET password = ? WHERE id = ?', [password_hash($password, PASSWORD_DEFAULT), $users[0]['id']]);
cli_writeln('Password changed');
