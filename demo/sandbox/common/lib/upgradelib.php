<?php
// The steps of an installation and of an upgrade.

const TABLES = [
    'config' => 'name varchar(255) UNIQUE, value longtext',
    'config_plugins' => 'plugin varchar(100), name varchar(100), value longtext, UNIQUE (plugin, name)',
    'config_log' => 'userid bigint, timemodified bigint, plugin varchar(100), name varchar(100), value longtext, oldvalue longtext',
    'course' => 'category bigint, fullname varchar(254), shortname varchar(255), idnumber varchar(100) DEFAULT \'\', summary longtext,'
        . ' timecreated bigint',
    'user' => 'auth varchar(20), username varchar(100), password varchar(255), email varchar(100), lastaccess bigint DEFAULT 0, deleted tinyint DEFAULT 0,'
        . ' confirmed tinyint DEFAULT 1, suspended tinyint DEFAULT 0, mnethostid bigint DEFAULT 1, secret varchar(15) DEFAULT \'\'',
    'upgrade_log' => 'type bigint, plugin varchar(100), version varchar(100), targetversion varchar(100), info varchar(255), timemodified bigint',
    'task_scheduled' => 'component varchar(255), classname varchar(255) UNIQUE, lastruntime bigint, nextruntime bigint,'
        . ' blocking tinyint DEFAULT 0, minute varchar(200), hour varchar(70), day varchar(90), month varchar(30), dayofweek varchar(25),'
        . ' faildelay bigint, customised tinyint DEFAULT 0, disabled tinyint DEFAULT 0, timestarted bigint, hostname varchar(255), pid bigint',
    'task_adhoc' => 'component varchar(255), classname varchar(255), nextruntime bigint, faildelay bigint, customdata longtext, userid bigint,'
        . ' blocking tinyint DEFAULT 0, timecreated bigint DEFAULT 0, timestarted bigint, hostname varchar(255), pid bigint',
    'mnet_host' => 'wwwroot varchar(255), name varchar(80), public_key longtext, public_key_expires bigint DEFAULT 0,'
        . ' ip_address varchar(45) DEFAULT \'\', deleted tinyint DEFAULT 0',
    'sessions' => 'sid varchar(128), userid bigint, timemodified bigint',
    'context' => 'contextlevel bigint, instanceid bigint DEFAULT 0, path varchar(255), depth tinyint DEFAULT 0, locked tinyint DEFAULT 0',
    'capabilities' => 'name varchar(255) UNIQUE, captype varchar(50), contextlevel bigint, component varchar(100), riskbitmask bigint DEFAULT 0',
    'role' => 'name varchar(255), shortname varchar(100) UNIQUE, description longtext, sortorder bigint UNIQUE, archetype varchar(30)',
    'role_capabilities' => 'contextid bigint, roleid bigint, capability varchar(255), permission bigint, timemodified bigint, modifierid bigint,'
        . ' UNIQUE (roleid, contextid, capability)',
    'role_context_levels' => 'roleid bigint, contextlevel bigint, UNIQUE (contextlevel, roleid)',
    'role_allow_assign' => 'roleid bigint, allowassign bigint, UNIQUE (roleid, allowassign)',
    'role_allow_override' => 'roleid bigint, allowoverride bigint, UNIQUE (roleid, allowoverride)',
    'role_allow_switch' => 'roleid bigint, allowswitch bigint, UNIQUE (roleid, allowswitch)',
    'role_allow_view' => 'roleid bigint, allowview bigint, UNIQUE (roleid, allowview)',
    'logstore_standard_log' => 'eventname varchar(255), component varchar(100), action varchar(100), target varchar(100),'
        . ' objecttable varchar(50), objectid bigint, crud varchar(1), edulevel tinyint, contextid bigint, contextlevel bigint,'
        . ' contextinstanceid bigint, userid bigint, other longtext, timecreated bigint, origin varchar(10)',
    'modules' => 'name varchar(20), visible tinyint DEFAULT 1',
    'block' => 'name varchar(40) UNIQUE, visible tinyint DEFAULT 1',
    'filter_active' => 'filter varchar(32), contextid bigint, active smallint, sortorder bigint DEFAULT 0, UNIQUE (contextid, filter)',
    'message_processors' => 'name varchar(166), enabled tinyint DEFAULT 1',
    'portfolio_instance' => 'plugin varchar(50), name varchar(255), visible tinyint DEFAULT 1',
    'repository' => 'type varchar(255), visible tinyint DEFAULT 1, sortorder bigint DEFAULT 0',
    'registration_hubs' => 'token varchar(255), hubname varchar(255), huburl varchar(255), confirmed tinyint DEFAULT 0,'
        . ' secret varchar(255), timemodified bigint DEFAULT 0',
    'user_info_category' => 'name varchar(255), sortorder bigint DEFAULT 0',
    'user_info_field' => 'shortname varchar(255), name longtext, datatype varchar(255), description longtext, categoryid bigint DEFAULT 0,'
        . ' sortorder bigint DEFAULT 0, required tinyint DEFAULT 0, locked tinyint DEFAULT 0, visible smallint DEFAULT 0,'
        . ' defaultdata longtext, param1 longtext',
];

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
        usleep((int) ($pause * 1e6));
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
