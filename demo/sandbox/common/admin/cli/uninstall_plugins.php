<?php
// Lists plugins, or takes them out of the database.

define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";

[$options, $unrecognised] = cli_get_params([
    'help' => false, 'show-all' => false, 'show-contrib' => false, 'show-missing' => false, 'purge-missing' => false,
    'plugins' => false, 'run' => false, 'showsql' => false, 'showdebugging' => false,
], ['h' => 'help']);
cli_refuse_unknown($unrecognised);
$manager = core_plugin_manager::instance();

/** Return the plugins that are wanted, by their full names; null: there is no such. */
function wanted(array $options, core_plugin_manager $manager): array {
    if ($options['plugins']) {
        $names = explode(',', $options['plugins']);
        return array_combine($names, array_map([$manager, 'get_plugin_info'], $names));
    }
    return array_filter($manager->get_plugins(), static fn(core\plugininfo\base $plugin): bool => match (true) {
        (bool) $options['show-all'] => true,
        (bool) $options['show-contrib'] => !$plugin->is_standard(),
        default => $plugin->rootdir === null,
    });
}

if (!array_filter(array_diff_key($options, ['help' => 1, 'run' => 1]))) {
    cli_writeln('Plugins: --show-all, --show-contrib, --show-missing, --purge-missing or --plugins=NAMES [--run]');
    exit(0);
}
$list = $options['show-all'] || $options['show-contrib'] || $options['show-missing'];
foreach (wanted($options, $manager) as $component => $plugin) {
    if (!$plugin) {
        cli_writeln("Unknown plugin: $component");
        continue;
    }
    $told = "$component\t" . $plugin->displayname();
    if ($list) {
        cli_writeln($told);
    } else if (!$manager->can_uninstall_plugin($component)) {
        cli_writeln("Can not be uninstalled: $told");
    } else if (!$options['run']) {
        cli_writeln("Will be uninstalled: $told");
    } else {
        cli_writeln("Uninstalling: $told");
        $manager->uninstall_plugin($component);
    }
}
