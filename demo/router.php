<?php
// The tenants' sites on one port: run by PHP's own web server for every request, in
// place of nginx. The tenant's link tells the code tree, the path tells the script.
// For the demo only. VMOODLE_SITES_DIR is set by demo/sites.py.

require (static function (): string {
    $refuse = static function (): never {
        http_response_code(404);
        exit("There is nothing at this address.\n");
    };
    $key = strtr(strtolower($_SERVER['HTTP_HOST'] ?? ''), ':', '+');
    if (!preg_match('/^[a-z0-9.-]+\+\d+$/D', $key)) {
        $refuse();
    }
    $tree = realpath(getenv('VMOODLE_SITES_DIR') . "/$key") ?: $refuse();
    $path = rawurldecode(strtok($_SERVER['REQUEST_URI'], '?'));
    if (is_dir($tree . $path)) {
        $path = rtrim($path, '/') . '/index.php';
    }
    // What comes after the script is an argument: theme/styles.php/boost/1/all.
    preg_match('~^(.*?\.php)(/.*)?$~Ds', $path, $parts);
    $script = $parts[1] ?? $path;
    $file = realpath($tree . $script);
    if (!$file || !is_file($file) || !str_starts_with($file, "$tree/")) {
        $refuse();
    }
    if (!$parts) {
        $types = ['css' => 'text/css', 'js' => 'text/javascript', 'svg' => 'image/svg+xml', 'html' => 'text/html'];
        header('Content-Type: ' . ($types[pathinfo($file, PATHINFO_EXTENSION)] ?? mime_content_type($file)));
        readfile($file);
        exit;
    }
    $_SERVER['DOCUMENT_ROOT'] = $tree;
    $_SERVER['SCRIPT_FILENAME'] = $file;
    $_SERVER['SCRIPT_NAME'] = $script;
    $_SERVER['PHP_SELF'] = $path;
    unset($_SERVER['PATH_INFO']);
    if (isset($parts[2])) {
        $_SERVER['PATH_INFO'] = $parts[2];
    }
    chdir(dirname($file)); // Moodle's pages require '../config.php'
    return $file;
})();
