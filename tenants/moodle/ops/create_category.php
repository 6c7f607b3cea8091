<?php
// Creates a category with those above it: {path: [names], idnumber: "" to leave it,
// visible: 1 or 0}. Answers {id, created: [names], changed: [fields]}.

return static function (array $in): array {
    global $DB;
    $find = static function (int $parent, string $name) use ($DB): ?core_course_category {
        $rows = $DB->get_records('course_categories', ['parent' => $parent, 'name' => $name]);
        if (count($rows) > 1) {
            // Names that differ in case or accents only are the same to the database.
            $rows = array_filter($rows, static fn($row) => $row->name === $name);
        }
        if (count($rows) > 1) {
            throw new agent_refusal(count($rows) . " categories are named '$name' there: rename all but one");
        }
        return $rows ? core_course_category::get(reset($rows)->id, MUST_EXIST, true) : null;
    };
    $create = static fn(int $parent, string $name, array $more): core_course_category =>
        core_course_category::create($more + ['parent' => $parent, 'name' => $name]);

    $found = [];
    $parent = 0;
    foreach ($in['path'] as $name) {
        $category = $find($parent, $name);
        if (!$category) {
            break;
        }
        $found[] = $category;
        $parent = $category->id;
    }
    $missing = array_slice($in['path'], count($found));
    $last = $missing ? null : end($found);
    $taken = $in['idnumber'] === '' ? null
        : $DB->get_record('course_categories', ['idnumber' => $in['idnumber']]);
    if ($taken && $taken->id != ($last->id ?? 0)) {
        throw new agent_refusal("the category '$taken->name' has the ID number '{$in['idnumber']}' already");
    }
    if ($last) {
        $changes = [];
        if ($in['idnumber'] !== '' && $last->idnumber !== $in['idnumber']) {
            $changes['idnumber'] = $in['idnumber'];
        }
        if ((int) $last->visible !== $in['visible']) {
            $changes['visible'] = $in['visible'];
        }
        if (!$changes) {
            throw new agent_nothing_to_do('it is there, and as it shall be');
        }
        $last->update($changes);
        echo "changed $last->name: ", implode(', ', array_keys($changes)), "\n";
        return ['id' => (int) $last->id, 'created' => [], 'changed' => array_keys($changes)];
    }
    $transaction = $DB->start_delegated_transaction();
    $own = ['visible' => $in['visible']] + ($in['idnumber'] === '' ? [] : ['idnumber' => $in['idnumber']]);
    foreach ($missing as $at => $name) {
        $category = $create($parent, $name, $at === count($missing) - 1 ? $own : []);
        $parent = $category->id;
        echo "created $name\n";
    }
    $transaction->allow_commit();
    return ['id' => (int) $parent, 'created' => $missing, 'changed' => []];
};
