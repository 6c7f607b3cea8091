<?php
// Moodle's own mnet/ library makes an envelope, or opens one: without a site.
//
// Argument: the code tree. Fed JSON on standard input, prints JSON.

$CFG = (object) ['dirroot' => $argv[1], 'libdir' => "$argv[1]/lib"];
$in = json_decode(stream_get_contents(STDIN));
$CFG->wwwroot = $in->wwwroot;
define('MOODLE_INTERNAL', true);

class moodle_exception extends Exception {
}

function get_mnet_environment(): object {
    global $in;
    return new class ($in) {
        public function __construct(private object $in, public string $wwwroot = '') {
            $this->wwwroot = $in->wwwroot;
        }

        public function get_private_key(): OpenSSLAsymmetricKey {
            return openssl_pkey_get_private($this->in->key);
        }
    };
}

error_reporting(E_ALL & ~E_DEPRECATED);
require "$argv[1]/mnet/lib.php";

if (isset($in->message)) {
    echo json_encode(mnet_encrypt_message(mnet_sign_message($in->message), $in->certificate));
    exit;
}
// As mnet_server_strip_encryption() and mnet_server_strip_signature() do.
$sealed = new mnet_encxml_parser();
$sealed->parse($in->envelope);
$key = array_pop($sealed->cipher);
$data = array_pop($sealed->cipher);
$opened = openssl_open(base64_decode($data), $text, base64_decode($key), $in->key, 'RC4');
$signed = new mnet_encxml_parser();
$signed->parse($text);
$payload = base64_decode($signed->data_object);
echo json_encode([
    'opened' => $opened,
    'from' => [$sealed->remote_wwwroot, $signed->remote_wwwroot],
    'timestamp' => $signed->remote_timestamp,
    'verified' => openssl_verify($payload, base64_decode($signed->signature), $in->certificate),
    'payload' => $payload,
]);
