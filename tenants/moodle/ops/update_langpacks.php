<?php
// Updates the language packs of the site, as its scheduled task does, which does not
// tell when it fails. Answers {said: [lines]}.

return static function (array $in): array {
    global $CFG;
    if (!empty($CFG->skiplangupgrade)) {
        throw new agent_nothing_to_do('the site\'s setting skiplangupgrade forbids it');
    }
    $packs = new \tool_langimport\controller();
    $well = $packs->update_all_installed_languages();
    foreach ($packs->info as $line) {
        echo "$line\n";
    }
    if (!$well) {
        throw new agent_refusal(implode('; ', $packs->errors));
    }
    return ['said' => $packs->info];
};
