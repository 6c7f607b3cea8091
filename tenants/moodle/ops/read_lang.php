<?php
// Reads customised strings: {plugins: [names], langs: [codes], either of them ["all"]}.
// Answers {lang: {component: {id: text}}}, components by their full name.

return static function (array $in): array {
    global $CFG;
    require_once "$CFG->dirroot/$CFG->admin/tool/customlang/locallib.php";
    $known = tool_customlang_utils::list_components();
    $components = $in['plugins'] === ['all'] ? array_values($known) : [];
    foreach ($components ? [] : $in['plugins'] as $name) {
        $components[] = $known[$name] ?? (in_array($name, $known, true)
            ? $name
            : throw new agent_refusal("the site has no $name: check its name"));
    }
    $installed = array_keys(get_string_manager()->get_list_of_translations(true));
    if ($missing = array_diff($in['langs'], $installed, ['all'])) {
        throw new agent_refusal('the site has no language ' . implode(', ', $missing));
    }
    $found = [];
    foreach ($in['langs'] === ['all'] ? $installed : $in['langs'] as $lang) {
        foreach (array_unique($components) as $component) {
            $file = "$CFG->langlocalroot/{$lang}_local/" . array_search($component, $known, true) . '.php';
            if (is_file($file)) {
                $found[$lang][$component] = (static function (string $file): array {
                    $string = [];
                    include $file;
                    return $string;
                })($file);
            }
        }
    }
    return array_filter(array_map('array_filter', $found));
};
