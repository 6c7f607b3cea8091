<?php
// Tells whether this PHP has RC4, which MNet seals with, and its versions. Run by VMoodle,
// without a site.
// It is listed also when OpenSSL's provider was not loaded: only a trial tells.

fgets(STDIN);
$key = openssl_pkey_new();
$sealed = $key && openssl_seal('text', $data, $keys, [openssl_pkey_get_details($key)['key']], 'RC4');
echo $sealed ? 'yes' : 'no', "\n", OPENSSL_VERSION_TEXT, "\n", PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION, "\n";
