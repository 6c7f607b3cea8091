<?php
// Lets roles assign, override, switch to or view others, or not any more: {table: "assign"
// | "override" | "switch" | "view", pairs: [[short name, short name, allowed], ...]}. All
// or nothing. Answers {changed: number}.

return static function (array $in): array {
    global $DB;
    $table = $in['table'];
    $ids = $DB->get_records_menu('role', null, '', 'shortname, id');
    $set = "core_role_set_{$table}_allowed";
    $event = "core\\event\\role_allow_{$table}_updated";
    $transaction = $DB->start_delegated_transaction();
    try {
        foreach ($in['pairs'] as [$from, $to, $allowed]) {
            foreach ([$from, $to] as $role) {
                if (!isset($ids[$role])) {
                    throw new agent_refusal("there is no role '$role' on this site: create the role first");
                }
            }
            $pair = ['roleid' => $ids[$from], "allow$table" => $ids[$to]];
            $DB->delete_records("role_allow_$table", $pair);
            if ($allowed) {
                $set($ids[$from], $ids[$to]);
            }
            $event::create([
                'context' => context_system::instance(),
                'objectid' => $ids[$from],
                'other' => ['targetroleid' => $ids[$to], 'allow' => $allowed],
            ])->trigger();
            echo "$from > $to: ", $allowed ? 'allowed' : 'not allowed', "\n";
        }
        $transaction->allow_commit();
    } catch (Throwable $error) {
        $transaction->rollback($error);
    }
    return ['changed' => count($in['pairs'])];
};
