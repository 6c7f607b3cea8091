<?php
// Chooses the tenant. Required by the config.php of every release, before Moodle's
// lib/setup.php; a copy of it stands in the boot directory, beside one file per
// tenant. Returns a function: called with the directory of config.php, it returns
// $CFG. It opens no database, prints nothing about one, leaves no global behind.
//
// VMoodle, GPL-3.0-or-later.

return static function (string $tree): stdClass {
    $web = !in_array(PHP_SAPI, ['cli', 'phpdbg'], true);

    // Web pages and scripts fail closed: no tenant is never "the main tenant".
    $refuse = static function (int $status, string $why) use ($web): never {
        if (!$web) {
            fwrite(STDERR, "$why\n");
            exit(78);
        }
        http_response_code($status);
        header('Content-Type: text/html; charset=utf-8');
        header('Cache-Control: no-store');
        if ($status === 503) {
            header('Retry-After: 300');
        }
        echo "<!doctype html><title>$status</title><p>$why</p>\n";
        exit;
    };

    // The keys that may name the tenant of a host, most specific first. The host
    // is validated here, before it becomes part of a path.
    $keys = static function (string $host, int $port, string $segment) use ($refuse): array {
        $host = strtolower($host);
        if (preg_match('/^(.*):(\d{1,5})$/D', $host, $parts)) {
            [, $host, $port] = $parts;
        }
        $host = preg_replace('/\.$/D', '', $host);
        if (strlen($host) > 253 || !preg_match('/^[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*$/D', $host)) {
            $refuse(404, 'There is no site at this address.');
        }
        $hosts = in_array((int) $port, [80, 443], true) ? [$host] : ["$host+$port", $host];
        if (!preg_match('/^[a-z0-9][a-z0-9_-]{0,63}$/D', $segment)) {
            return $hosts;
        }
        return [...array_map(fn($h) => "$h~$segment", $hosts), ...$hosts];
    };

    if ($web) {
        $segment = explode('/', $_SERVER['SCRIPT_NAME'] ?? '', 3);
        $asked = $keys(
            $_SERVER['HTTP_HOST'] ?? $_SERVER['SERVER_NAME'] ?? '',
            // Debian's fastcgi_params passes HTTP_HOST without the port.
            (int) ($_SERVER['SERVER_PORT'] ?? 80),
            count($segment) === 3 ? strtolower($segment[1]) : ''
        );
    } else {
        $root = getenv('VMOODLE_HOST') ?: '';
        $argv = $_SERVER['argv'] ?? [];
        foreach ($argv as $i => $word) {
            if ($word === '--') {
                break;
            }
            if (str_starts_with($word, '--host=')) {
                $root = substr($word, 7);
                unset($argv[$i]);
            }
        }
        // Moodle's scripts know no --host: they shall not see it.
        $_SERVER['argv'] = $GLOBALS['argv'] = array_values($argv);
        $_SERVER['argc'] = $GLOBALS['argc'] = count($argv);
        if ($root === '') {
            $refuse(0, 'VMoodle: no tenant is chosen: give --host=URL, the wwwroot of one.');
        }
        $parts = parse_url(rtrim($root, '/')) ?: [];
        $https = ($parts['scheme'] ?? '') === 'https';
        $segment = trim(strtolower($parts['path'] ?? ''), '/');
        $asked = $keys($parts['host'] ?? '', $parts['port'] ?? ($https ? 443 : 80), $segment);
        // On the command line the address is exact: no falling back to the host.
        $asked = [$asked[0]];
    }

    foreach ($asked as $key) {
        if (is_file(__DIR__ . "/$key.php")) {
            $tenant = require __DIR__ . "/$key.php";
            break;
        }
    }
    if (!isset($tenant)) {
        $refuse(404, $web ? 'There is no site at this address.' : "VMoodle: there is no tenant $root.");
    }
    if (!$web && $tenant['wwwroot'] !== strtolower(rtrim($root, '/'))) {
        $refuse(0, "VMoodle: there is no tenant $root.");
    }
    if ($web && !$tenant['enabled']) {
        $refuse(503, 'This site is closed for the moment.');
    }
    if ($tenant['tree'] !== realpath($tree)) {
        // Moodle does not stop old code on a newer database by itself.
        $refuse(503, $web ? 'This site is moving. Please try again in a moment.'
            : "VMoodle: $tenant[wwwroot] is pinned to $tenant[tree], this is $tree.");
    }

    $fleet = require __DIR__ . '/_fleet.php';
    $cfg = (object) ($tenant['settings'] + $fleet['settings'] + [
        'admin' => 'admin',
        'directorypermissions' => 02770,
        'disableupdateautodeploy' => true,
    ]);
    foreach ($tenant['forced'] + $fleet['forced'] as $name => $value) {
        $cfg->$name ??= $value;
    }
    if (is_file("$tree/lib/classes/lock/mysql_lock_factory.php") || is_file("$tree/public/lib/classes/lock/mysql_lock_factory.php")) {
        $cfg->lock_factory ??= '\core\lock\mysql_lock_factory';
    }
    if ($web && str_starts_with($cfg->wwwroot, 'https://')
        && ($_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '') === 'https'
        && in_array($_SERVER['REMOTE_ADDR'] ?? '', $fleet['trusted_proxies'], true)) {
        $cfg->sslproxy = true;
    }
    // "Run now" and other children that Moodle starts find their tenant by this.
    putenv("VMOODLE_HOST=$cfg->wwwroot");
    return $cfg;
};
