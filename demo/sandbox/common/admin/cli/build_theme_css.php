<?php
// Compiles the style sheets of themes into the local cache.

define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";

/** Return the style sheets of a theme as one, with the site's settings in it, and short. */
function theme_css(string $theme, string $direction): string {
    global $CFG, $DB;
    $css = implode("\n", array_map('file_get_contents', glob("$CFG->dirroot/theme/$theme/style/*.css")));
    $colour = $DB->get_field('config_plugins', 'value', ['plugin' => "theme_$theme", 'name' => 'brandcolor']);
    $css = str_replace('[[setting:brandcolor]]', $colour ?: '#0f6cbf', $css);
    $css = preg_replace(['~/\*.*?\*/~s', '/\s+/', '/ ?([{};:,]) ?/'], ['', ' ', '$1'], $css);
    $other = ['left' => 'right', 'right' => 'left'];
    return trim($direction === 'rtl' ? preg_replace_callback('/\b(left|right)\b/', static fn(array $found): string => $other[$found[0]], $css) : $css);
}

[$options, $unrecognised] = cli_get_params(
    ['themes' => null, 'direction' => null, 'help' => false, 'verbose' => false],
    ['t' => 'themes', 'd' => 'direction', 'h' => 'help', 'v' => 'verbose']
);
cli_refuse_unknown($unrecognised);
if ($options['help']) {
    cli_writeln('Compile the CSS for one or more installed themes: [--themes=NAMES] [--direction=ltr|rtl] [--verbose]');
    exit(0);
}
$installed = array_keys(core_component::get_plugin_list('theme'));
$themes = $options['themes'] === null ? $installed : explode(',', $options['themes']);
foreach (array_diff($themes, $installed) as $unknown) {
    cli_error("Unable to find theme config for $unknown");
}
$directions = $options['direction'] === null ? ['ltr', 'rtl'] : [$options['direction']];
if (array_diff($directions, ['ltr', 'rtl'])) {
    cli_error('--direction must be either ltr or rtl');
}
foreach ($themes as $theme) {
    $revision = time();
    $directory = "$CFG->localcachedir/theme/$CFG->themerev/$theme/css";
    remove_dir($directory);
    check_dir_exists($directory);
    foreach ($directions as $direction) {
        $file = "$directory/all" . ($direction === 'rtl' ? '-rtl' : '') . "_$revision.css";
        file_put_contents($file, theme_css($theme, $direction));
        $options['verbose'] && cli_writeln("Built $theme, $direction");
    }
    set_config('themerev', $revision, "theme_$theme");
}
