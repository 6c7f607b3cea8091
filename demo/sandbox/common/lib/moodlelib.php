<?php
// Settings, accounts, and what Moodle does after some changes. The sandbox reads strings from
// their files each time: only the revisions, which browsers see, are reset.

function set_config(string $name, mixed $value, ?string $plugin = null): bool {
    global $DB, $CFG;
    if ($value === null) {
        return unset_config($name, $plugin);
    }
    $table = $plugin ? 'config_plugins' : 'config';
    $key = ['name' => $name] + ($plugin ? ['plugin' => $plugin] : []);
    $found = $DB->get_record($table, $key);
    if (!$found) {
        $DB->insert_record($table, $key + ['value' => $value], false);
    } else if ($found->value !== $value) {
        $DB->set_field($table, 'value', $value, ['id' => $found->id]);
    }
    if (!$plugin && !isset($CFG->config_php_settings[$name])) {
        $CFG->$name = (string) $value;
    }
    cache_helper::invalidate_by_definition('core', 'config', [], ['core']);
    return true;
}

/** Read the settings as they are stored, or cached; those of config.php win. */
function initialise_cfg(): void {
    global $DB, $CFG;
    $cache = cache::make('core', 'config');
    $settings = $cache->get('core');
    if ($settings === false) {
        $settings = $DB->get_records_menu('config', null, '', 'name, value');
        $cache->set('core', $settings);
    }
    foreach (array_diff_key($settings, $CFG->config_php_settings) as $name => $value) {
        $CFG->$name = $value;
    }
}

function unset_config(string $name, ?string $plugin = null): bool {
    global $DB, $CFG;
    $plugin
        ? $DB->delete_records('config_plugins', ['name' => $name, 'plugin' => $plugin])
        : $DB->delete_records('config', ['name' => $name]);
    if (!$plugin && !isset($CFG->config_php_settings[$name])) {
        unset($CFG->$name);
    }
    cache_helper::invalidate_by_definition('core', 'config', [], ['core']);
    return true;
}

function get_admin(): stdClass|false {
    global $DB, $CFG;
    foreach (array_filter(explode(',', $CFG->siteadmins ?? '')) as $id) {
        if ($user = $DB->get_record('user', ['id' => $id, 'deleted' => 0])) {
            return $user;
        }
    }
    return false;
}

/** Return all administrators, by their ids. */
function get_admins(): array {
    global $DB, $CFG;
    $users = $DB->get_records_list('user', 'id', array_filter(explode(',', $CFG->siteadmins ?? '')));
    return array_filter($users, static fn(stdClass $user): bool => !$user->deleted);
}

function get_course(int $courseid): stdClass {
    global $DB;
    return $DB->get_record('course', ['id' => $courseid], '*', MUST_EXIST);
}

/** Whether a password is good enough by Moodle's policy as it is at first; tell what it lacks. */
function check_password_policy(string $password, ?string &$errmsg, ?stdClass $user = null): bool {
    $needed = [
        '/^.{8}/su' => 'Passwords must be at least 8 characters long.',
        '/[[:digit:]]/u' => 'Passwords must have at least 1 digit(s).',
        '/[[:lower:]]/u' => 'Passwords must have at least 1 lower case letter(s).',
        '/[[:upper:]]/u' => 'Passwords must have at least 1 upper case letter(s).',
        '/[^[:alnum:]]/u' => 'The password must have at least 1 special character(s) such as *, -, or #.',
    ];
    $lacks = array_filter($needed, static fn(string $pattern): bool => !preg_match($pattern, $password), ARRAY_FILTER_USE_KEY);
    $errmsg = implode('', array_map(static fn(string $sentence): string => "<div>$sentence</div>", $lacks));
    return !$lacks;
}

function update_internal_user_password(stdClass $user, string $password): bool {
    global $DB;
    return $DB->set_field('user', 'password', hash_internal_user_password($password), ['id' => $user->id]);
}

function hash_internal_user_password(string $password): string {
    return password_hash($password, PASSWORD_DEFAULT);
}

function random_string(int $length = 15): string {
    $letters = [...range('A', 'Z'), ...range('a', 'z'), ...range('0', '9')];
    return implode('', array_map(static fn(): string => $letters[random_int(0, 61)], range(1, $length)));
}

const PARAM_STRINGID = 'stringid';

/** Return a name of a text, or '' when it is none. */
function clean_param(mixed $param, string $type): string {
    return $type === PARAM_STRINGID && preg_match('|^[a-zA-Z][a-zA-Z0-9.:/_-]*$|', $param) ? $param : '';
}

function get_site_identifier(): string {
    global $CFG;
    return $CFG->siteidentifier;
}

/** Make browsers fetch anew what has this revision in its address. */
function next_revision(string $name): void {
    global $CFG;
    set_config($name, (string) max(time(), ($CFG->$name ?? 0) + 1));
}

function theme_reset_all_caches(): void {
    next_revision('themerev');
}

function js_reset_all_caches(): void {
    next_revision('jsrev');
}

function template_reset_all_caches(): void {
    next_revision('templaterev');
}

function reset_text_filters_cache(): void {
}

function get_string_manager(): core_string_manager {
    return new core_string_manager();
}

/** Purge what is chosen, or everything. */
function purge_caches(array $options = []): void {
    global $CFG;
    $all = !array_filter($options);
    $resets = [
        'muc' => static fn() => cache_helper::purge_by_definition('core', 'config'),
        'theme' => 'theme_reset_all_caches', 'js' => 'js_reset_all_caches', 'template' => 'template_reset_all_caches',
        'lang' => static fn() => get_string_manager()->reset_caches(),
        'other' => static fn() => array_map('remove_dir', [$CFG->cachedir, $CFG->localcachedir]),
    ];
    foreach ($resets as $kind => $reset) {
        $all || !empty($options[$kind]) ? $reset() : null;
    }
}

function purge_all_caches(): void {
    purge_caches();
}

function get_file_storage(): file_storage {
    return new file_storage();
}

function check_dir_exists(string $directory): bool {
    global $CFG;
    return is_dir($directory) || mkdir($directory, $CFG->directorypermissions, true);
}

function fulldelete(string $location): bool {
    remove_dir($location);
    return !is_dir($location);
}

function remove_dir(string $directory): void {
    foreach (is_dir($directory) ? array_diff(scandir($directory), ['.', '..']) : [] as $name) {
        is_dir("$directory/$name") ? remove_dir("$directory/$name") : unlink("$directory/$name");
    }
    is_dir($directory) && rmdir($directory);
}
