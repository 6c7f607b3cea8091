<?php
// Chooses the tenant. Required by the config.php of every release, before Moodle's
// lib/setup.php; a copy stands in the boot directory, beside one link per tenant.
// Returns a function: called with the directory of config.php, it returns $CFG.
// It opens no database, prints nothing about one, and leaves no global behind.
//
// VMoodle, free software under the GNU GPL, version 3 or later:
// https://www.gnu.org/licenses/gpl-3.0.html

return static function (string $tree): stdClass {
    // By the SAPI, never by CLI_SCRIPT: the web page admin/cron.php defines that too.
    $web = PHP_SAPI !== 'cli' && PHP_SAPI !== 'phpdbg';

    // Fails closed: no tenant is never "the main tenant".
    $refuse = static function (int $status, string $toVisitor, string $toOperator) use ($web): never {
        if (!$web) {
            file_put_contents('php://stderr', "VMoodle: $toOperator\n");
            exit(78);
        }
        http_response_code($status);
        header('Content-Type: text/html; charset=utf-8');
        header('Cache-Control: no-store');
        if ($status === 503) {
            header('Retry-After: 30');
        }
        echo "<!doctype html><html lang=\"en\"><title>$status</title><p>$toVisitor</p></html>\n";
        exit;
    };

    // What is published under a key: a link to a file named after its contents, which
    // OPcache may therefore keep. Tried again when it is replaced just now.
    $read = static function (string $key) use ($refuse): ?array {
        for ($try = 0; $try < 3; $try++) {
            $file = @readlink(__DIR__ . "/$key.php");
            if ($file === false) {
                error_clear_last();
                return null;
            }
            $values = @include __DIR__ . "/$file";
            if (is_array($values)) {
                return $values;
            }
        }
        $refuse(503, 'This site cannot be shown for the moment.', "the boot file of $key cannot be read.");
    };

    $fleet = $read('_fleet') ?? $refuse(503, 'This site cannot be shown for the moment.', 'the fleet has no boot file.');

    // A name becomes part of a path only if it is made of these letters, and finds
    // something there only if it is published.
    $letters = 'abcdefghijklmnopqrstuvwxyz0123456789-_';

    // The keys of a host, the most exact first.
    $hosts = static function (string $host, int $port) use ($letters): array {
        $host = strtolower($host);
        if ($colon = strpos($host, ':')) {
            $given = substr($host, $colon + 1);
            if (!preg_match('/^\d{1,5}$/D', $given)) {
                return [];
            }
            $port = (int) $given;
            $host = substr($host, 0, $colon);
        }
        if ($host !== '' && $host[-1] === '.') {
            $host = substr($host, 0, -1);
        }
        if ($host === '' || strspn($host, "$letters.") !== strlen($host)) {
            return [];
        }
        return $port === 80 || $port === 443 ? [$host, "$host+$port"] : ["$host+$port", $host];
    };

    // The keys below these hosts, of the first segment of a path.
    $below = static function (array $hosts, string $segment) use ($letters): array {
        if ($segment === '' || strspn($segment, $letters) !== strlen($segment)) {
            return [];
        }
        return array_map(static fn (string $host): string => "$host~$segment", $hosts);
    };
    // Looking for what is not there takes as long as all the rest: not without need.
    $subpaths = $fleet['subpaths'] ?? true;

    if ($web) {
        $leadTo = static function (string $place): never {
            header("Location: $place", true, 301);
            exit;
        };
        // Debian's fastcgi_params passes HTTP_HOST without the port.
        $hosts = $hosts($_SERVER['HTTP_HOST'] ?? '', (int) ($_SERVER['SERVER_PORT'] ?? 80));
        $uri = '/' . ltrim($_SERVER['REQUEST_URI'] ?? '', '/'); // behind a host, anything else may name another
        $page = strcspn($uri, '?');
        if ($subpaths && strcspn($uri, '/', 1) + 1 >= $page) {
            // A sub-path without its slash may come to the site at the root of the host.
            foreach ($below($hosts, strtolower(substr($uri, 1, $page - 1))) as $key) {
                if ($found = $read($key)) {
                    $leadTo(($found['moved'] ?? $found['wwwroot']) . '/' . substr($uri, $page));
                }
            }
        }
        $path = explode('/', $_SERVER['SCRIPT_NAME'] ?? '', 4);
        $asked = $subpaths && isset($path[2]) ? [...$below($hosts, strtolower($path[1])), ...$hosts] : $hosts;
    } else {
        $given = $kept = [];
        $argv = $_SERVER['argv'] ?? [];
        foreach ($argv as $i => $word) {
            if ($word === '--') {
                array_push($kept, ...array_slice($argv, $i));
                break;
            }
            if ($word === '--host') {
                $refuse(0, '', '--host takes its value with a "=": --host=URL.');
            }
            if (str_starts_with($word, '--host=')) {
                $given[] = substr($word, 7);
            } else {
                $kept[] = $word;
            }
        }
        // Moodle's scripts know no --host: they shall not see it.
        $_SERVER['argv'] = $GLOBALS['argv'] = $kept;
        $_SERVER['argc'] = $GLOBALS['argc'] = count($kept);
        if (count(array_unique($given)) > 1) {
            $refuse(0, '', '--host is given twice: ' . implode(' and ', $given) . '.');
        }
        $root = $given[0] ?? (string) getenv('VMOODLE_HOST');
        if ($root === '') {
            $refuse(0, '', 'no tenant is chosen: give --host=URL, the wwwroot of one.');
        }
        $url = parse_url(strtolower($root)) ?: [];
        $url += ['scheme' => '', 'host' => '', 'path' => ''];
        $default = ['http' => 80, 'https' => 443][$url['scheme']] ?? 0;
        $url['port'] ??= $default;
        $url['path'] = rtrim($url['path'], '/');
        $wwwroot = "$url[scheme]://$url[host]" . ($url['port'] === $default ? '' : ":$url[port]") . $url['path'];
        $hosts = $hosts($url['host'], $url['port']);
        $asked = [...$below($hosts, substr($url['path'], 1)), ...$hosts];
        if (isset($url['user']) || isset($url['query']) || isset($url['fragment'])) {
            $asked = [];
        }
    }

    $tenant = null;
    foreach ($asked as $key) {
        $tenant = $key === '_fleet' ? null : $read($key); // the fleet's file is no tenant's
        if (isset($tenant['moved'])) {
            // A former address: scripts must be given the new one.
            if ($web) {
                $leadTo($tenant['moved'] . (str_contains($key, '~') ? strstr(substr($uri, 1), '/') : $uri));
            }
            $refuse(0, '', "$root has moved: give $tenant[moved].");
        }
        // On the command line the address is exact, in a browser Moodle redirects.
        if ($tenant && ($web || $tenant['wwwroot'] === $wwwroot)) {
            break;
        }
        $tenant = null;
    }
    if (!$tenant) {
        $level = substr_count($url['path'] ?? '', '/') > 1 ? ' Sub-paths are of one level.' : '';
        $why = $web ? '' : "there is no tenant $root: give the wwwroot of a published one.$level";
        $refuse(404, 'There is no site at this address.', $why);
    }
    if ($web && !$tenant['enabled']) {
        $refuse(503, 'This site is closed for the moment.', '');
    }
    if ($tree !== $tenant['tree'] && realpath($tree) !== $tenant['tree']) {
        // Moodle does not stop old code on a newer database by itself.
        $refuse(
            503,
            'This site is moving. Please try again in a moment.',
            "$tenant[wwwroot] is pinned to $tenant[tree]; this is $tree."
        );
    }

    $depth = $web && str_contains($key, '~') ? 2 : 1;
    if ($web && $subpaths && isset($path[$depth + 1])) {
        // A link of sub-path mode in the code tree is another's address, or a level too deep.
        foreach (["$tree/$path[$depth]", "$tree/public/$path[$depth]"] as $link) {
            if ($path[$depth] !== '' && is_link($link) && readlink($link) === '.') {
                $refuse(404, 'There is no site at this address.', '');
            }
        }
    }
    $forced = $tenant['forced'] + $fleet['forced'];
    foreach ($fleet['forced']['forced_plugin_settings'] ?? [] as $plugin => $values) {
        $own = $tenant['forced']['forced_plugin_settings'][$plugin] ?? [];
        $forced['forced_plugin_settings'][$plugin] = $own + $values;
    }
    $cfg = (object) ($tenant['settings'] + $forced + $tenant['defaults'] + $fleet['defaults']);
    if ($web && strtolower($_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '') === 'https'
        && str_starts_with($cfg->wwwroot, 'https:')
        && in_array($_SERVER['REMOTE_ADDR'] ?? '', $fleet['trusted_proxies'], true)) {
        $cfg->sslproxy = true;
    }
    if (!$web) {
        // Of each system user a place of its own: Moodle's is closed to all but the web's.
        $user = function_exists('posix_geteuid') ? posix_geteuid() : get_current_user();
        $cfg->localrequestdir ??= sys_get_temp_dir() . "/requestdir-$user";
    }
    // Children that Moodle starts ("Run now") find their tenant by this.
    putenv("VMOODLE_HOST=$cfg->wwwroot");
    return $cfg;
};
