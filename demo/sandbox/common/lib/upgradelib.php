<?php
// The steps of an installation and of an upgrade.

/** Hold the upgrade lock for so many more seconds. */
function upgrade_set_timeout(int $seconds): void {
    set_config('upgraderunning', time() + $seconds);
}

function upgrade_log(int $type, string $component, string $version, string $info): void {
    global $DB;
    $DB->execute(
        'INSERT INTO {upgrade_log} (type, plugin, version, targetversion, info, timemodified) VALUES (?, ?, ?, ?, ?, ?)',
        [$type, $component, $version, $version, $info, time()]
    );
}

/** Bring the core to the version of the code; `version` is new from here on. */
function upgrade_core(string $version, string $release, string $branch): void {
    cli_writeln('-->System');
    upgrade_set_timeout(300);
    upgrade_log(0, 'core', $version, 'Starting core upgrade');
    set_config('version', $version);
    set_config('release', $release);
    set_config('branch', $branch);
    upgrade_log(0, 'core', $version, 'Core upgraded');
    cli_writeln('++ Success ++');
}

/** Bring the plugins to theirs, then note that everything fits the code. */
function upgrade_noncore(): void {
    global $CFG;
    $versions = core_component::get_all_versions();
    unset($versions['core']);
    $pause = (float) ($CFG->sandbox_upgrade_seconds ?? 0) / count($versions);
    foreach ($versions as $component => $version) {
        upgrade_set_timeout(120);
        cli_writeln("-->$component");
        linger($pause);
        if (!empty($CFG->sandbox_upgrade_fails)) {
            upgrade_log(2, $component, $version, 'Exception: ' . $CFG->sandbox_upgrade_fails);
            throw new Exception($CFG->sandbox_upgrade_fails);
        }
        add_to_list_of_its_type($component);
        set_config('version', $version, $component);
        upgrade_log(0, $component, $version, 'Plugin upgraded');
        cli_writeln('++ Success ++');
    }
    set_config('allversionshash', core_component::get_all_versions_hash());
    set_config('upgraderunning', null);
}

/** Wait, as long as the setting is there that wants it. */
function linger(float $seconds): void {
    global $DB;
    $end = microtime(true) + $seconds;
    while (
        ($left = $end - microtime(true)) > 0
        && $DB->record_exists('config', ['name' => 'sandbox_upgrade_seconds'])
    ) {
        usleep((int) (min($left, 0.1) * 1e6));
    }
}

/** Enter a new activity or block where Moodle keeps whether it is switched on. */
function add_to_list_of_its_type(string $component): void {
    global $DB;
    [$type, $name] = explode('_', $component, 2);
    $table = ['mod' => 'modules', 'block' => 'block'][$type] ?? null;
    if ($table && !$DB->record_exists($table, ['name' => $name])) {
        $DB->insert_record($table, ['name' => $name, 'visible' => 1]);
    }
}

function check_environment(): void {
    if ((int) ini_get('max_input_vars') < 5000) {
        cli_error("!! Environment: PHP setting max_input_vars is recommended to be at least 5000. !!");
    }
}
