<?php
// Chooses the tenant. Required by the config.php of every release, before Moodle's
// lib/setup.php; a copy stands in the boot directory, beside one link per tenant.
// Returns what config.php calls with its directory, and what then returns $CFG.
// It opens no database, prints nothing about one, and leaves no global behind.
//
// Every request passes here, before anything is in the processor's caches: what counts
// is how much is touched on the way of a plain request. Measured by bench/host_switch.py.
//
// VMoodle, free software under the GNU GPL, version 3 or later:
// https://www.gnu.org/licenses/gpl-3.0.html

return new class {
    // A name becomes part of a path only if it is made of these, and finds something
    // there only if it is published. With ranges, as trim() takes them.
    private const LETTERS = 'a..z0..9_-';

    public function __invoke(string $tree): stdClass
    {
        // By the SAPI, never by CLI_SCRIPT: the web page admin/cron.php defines that too.
        $web = PHP_SAPI !== 'cli' && PHP_SAPI !== 'phpdbg';
        $tenant = $web ? $this->ofRequest($tree) : $this->ofCommand();
        if ($tree !== $tenant['tree'] && realpath($tree) !== $tenant['tree']) {
            // Moodle does not stop old code on a newer database by itself.
            $this->refuse(
                503,
                'This site is moving. Please try again in a moment.',
                "$tenant[wwwroot] is pinned to $tenant[tree]; this is $tree."
            );
        }
        $cfg = (object) ($tenant['cfg'] ?? $this->refuse(
            503,
            'This site cannot be shown for the moment.',
            "the boot file of $tenant[wwwroot] is another version's: run generateconfigs."
        ));
        if (!$web) {
            // Of each system user a place of its own: Moodle's is closed to all but the web's.
            $user = function_exists('posix_geteuid') ? posix_geteuid() : get_current_user();
            $cfg->localrequestdir ??= sys_get_temp_dir() . "/requestdir-$user";
            if (defined('VMOODLE_CACHE_FACTORY')) { // by cache_definitions.php
                $cfg->alternative_cache_factory_class ??= VMOODLE_CACHE_FACTORY;
            }
        } elseif (isset($_SERVER['HTTP_X_FORWARDED_PROTO']) && $this->isSecureBehind($tenant['proxies'], $cfg)) {
            $cfg->sslproxy = true;
        }
        // Children that Moodle starts ("Run now") find their tenant by this.
        putenv("VMOODLE_HOST=$tenant[wwwroot]");
        return $cfg;
    }

    // What is published of the tenant that a browser asks for; no other one may be shown.
    private function ofRequest(string $tree): array
    {
        $server = $_SERVER;
        // Debian's fastcgi_params passes HTTP_HOST without the port.
        $hosts = $this->hosts($server['HTTP_HOST'] ?? '', $server['SERVER_PORT'] ?? '80');
        $path = explode('/', $server['SCRIPT_NAME'] ?? '', 4);
        $uri = $server['REQUEST_URI'] ?? '';
        $ofMoodle = isset($path[2]) && $this->isOfMoodle($path[1]);
        foreach ($ofMoodle ? $hosts : $this->alsoBelow($hosts, $path, $uri) as $key) {
            if ($tenant = $this->read($key)) {
                break;
            }
        }
        if (!($tenant ?? null)) {
            $this->refuse(404, 'There is no site at this address.', '');
        }
        if (isset($tenant['moved'])) {
            $uri = $this->withSlash($uri);
            $this->lead($tenant['moved'] . (str_contains($key, '~') ? strstr(substr($uri, 1), '/') : $uri));
        }
        if (!$tenant['enabled']) {
            $this->refuse(503, 'This site is closed for the moment.', '');
        }
        if (!$ofMoodle) {
            $this->refuseLink($tree, $path, str_contains($key, '~') ? 2 : 1);
        }
        return $tenant;
    }

    // What is published of the tenant that --host, or the environment, names exactly.
    private function ofCommand(): array
    {
        $given = $kept = [];
        $argv = $_SERVER['argv'] ?? [];
        foreach ($argv as $i => $word) {
            if ($word === '--') {
                array_push($kept, ...array_slice($argv, $i));
                break;
            }
            if ($word === '--host') {
                $this->refuse(0, '', '--host takes its value with a "=": --host=URL.');
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
            $this->refuse(0, '', '--host is given twice: ' . implode(' and ', $given) . '.');
        }
        $root = $given[0] ?? (string) getenv('VMOODLE_HOST');
        if ($root === '') {
            $this->refuse(0, '', 'no tenant is chosen: give --host=URL, the wwwroot of one.');
        }
        return $this->named($root);
    }

    private function named(string $root): array
    {
        $url = parse_url(strtolower($root)) ?: [];
        $url += ['scheme' => '', 'host' => '', 'path' => ''];
        $default = ['http' => 80, 'https' => 443][$url['scheme']] ?? 0;
        $url['port'] ??= $default;
        $url['path'] = rtrim($url['path'], '/');
        $wwwroot = "$url[scheme]://$url[host]" . ($url['port'] === $default ? '' : ":$url[port]") . $url['path'];
        $hosts = $this->hosts($url['host'], (string) $url['port']);
        $asked = [...$this->below($hosts, substr($url['path'], 1)), ...$hosts];
        if (isset($url['user']) || isset($url['query']) || isset($url['fragment'])) {
            $asked = [];
        }
        foreach ($asked as $key) {
            $tenant = $this->read($key);
            if (isset($tenant['moved'])) {
                $this->refuse(0, '', "$root has moved: give $tenant[moved].");
            }
            // Here the address is exact; in a browser Moodle redirects.
            if ($tenant && $tenant['wwwroot'] === $wwwroot) {
                return $tenant;
            }
        }
        $level = substr_count($url['path'], '/') > 1 ? ' Sub-paths are of one level.' : '';
        $this->refuse(0, '', "there is no tenant $root: give the wwwroot of a published one.$level");
    }

    // The keys of a host, the most exact first.
    private function hosts(string $host, string $port): array
    {
        if (ltrim($host, self::LETTERS . '.') !== '') {
            $host = strtolower($host);
            if ($colon = strpos($host, ':')) {
                $port = substr($host, $colon + 1);
                $host = substr($host, 0, $colon);
                if (!preg_match('/^\d{1,5}$/D', $port)) {
                    return [];
                }
            }
            if (ltrim($host, self::LETTERS . '.') !== '') {
                return [];
            }
        }
        if (str_ends_with($host, '.')) {
            $host = substr($host, 0, -1);
        }
        if ($host === '') {
            return [];
        }
        $port = (int) $port;
        return $port === 80 || $port === 443 ? [$host, "$host+$port"] : ["$host+$port", $host];
    }

    // The keys below these hosts, of the first segment of a path.
    private function below(array $hosts, string $segment): array
    {
        if ($segment === '' || ltrim($segment, self::LETTERS) !== '') {
            return [];
        }
        return array_map(static fn (string $host): string => "$host~$segment", $hosts);
    }

    // What is published under a key: a link to a file named after its contents, which
    // OPcache may therefore keep. Tried again when it is replaced just now.
    private function read(string $key): ?array
    {
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
        $this->refuse(503, 'This site cannot be shown for the moment.', "the boot file of $key cannot be read.");
    }

    // Whether every Moodle has a directory of this name, so that no sub-path has it: looking
    // for what is not there takes as long as all the rest. The same list as in tenants/serving/subpath.py.
    private function isOfMoodle(string $name): bool
    {
        return match ($name) {
            'admin', 'auth', 'availability', 'backup', 'badges', 'blocks', 'blog', 'cache', 'calendar', 'cohort',
            'comment', 'competency', 'completion', 'contentbank', 'course', 'customfield', 'dataformat', 'enrol',
            'favourites', 'files', 'filter', 'grade', 'group', 'h5p', 'lang', 'lib', 'local', 'login',
            'media', 'message', 'mod', 'my', 'notes', 'payment', 'pix', 'plagiarism', 'portfolio', 'privacy',
            'question', 'rating', 'report', 'reportbuilder', 'repository', 'rss', 'search', 'tag', 'theme', 'user',
            'userpix', 'webservice' => true,
            default => false,
        };
    }

    // The keys that a page may belong to; the address of a sub-path without its slash, which
    // may come to the site at the root of the host, is led on.
    private function alsoBelow(array $hosts, array $path, string $uri): array
    {
        $uri = $this->withSlash($uri);
        $page = strcspn($uri, '?');
        if (strcspn($uri, '/', 1) + 1 >= $page) {
            foreach ($this->below($hosts, strtolower(substr($uri, 1, $page - 1))) as $key) {
                if ($found = $this->read($key)) {
                    $this->lead(($found['moved'] ?? $found['wwwroot']) . '/' . substr($uri, $page));
                }
            }
        }
        return isset($path[2]) ? [...$this->below($hosts, strtolower($path[1])), ...$hosts] : $hosts;
    }

    // Behind the name of a host, anything else than a slash may name another one.
    private function withSlash(string $uri): string
    {
        return '/' . ltrim($uri, '/');
    }

    private function lead(string $place): never
    {
        header("Location: $place", true, 301);
        exit;
    }

    // A link of sub-path mode in the code tree is another's address, or a level too deep.
    private function refuseLink(string $tree, array $path, int $depth): void
    {
        $name = isset($path[$depth + 1]) ? $path[$depth] : '';
        if ($name === '' || $this->isOfMoodle($name)) {
            return;
        }
        foreach (["$tree/$name", "$tree/public/$name"] as $link) {
            if (is_link($link) && readlink($link) === '.') {
                $this->refuse(404, 'There is no site at this address.', '');
            }
        }
    }

    private function isSecureBehind(array $proxies, stdClass $cfg): bool
    {
        return strtolower($_SERVER['HTTP_X_FORWARDED_PROTO']) === 'https'
            && str_starts_with($cfg->wwwroot, 'https:')
            && in_array($_SERVER['REMOTE_ADDR'] ?? '', $proxies, true);
    }

    // Fails closed: no tenant is never "the main tenant".
    private function refuse(int $status, string $toVisitor, string $toOperator): never
    {
        if (PHP_SAPI === 'cli' || PHP_SAPI === 'phpdbg') {
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
    }
};
