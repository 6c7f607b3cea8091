<?php
// Does one operation inside Moodle, for VMoodle: `agent.php --host=URL TREE NAME`, started
// by tenants/agent.py. Reads the operation's input, a JSON object, on standard input;
// requires ops/NAME.php, which returns the function that does it; prints the answer as
// one JSON object, in lines that begin with the record separator. Whatever else is printed
// is log. The exit code is 0 whenever there is an answer, also one that tells an error.
//
// VMoodle, free software under the GNU GPL, version 3 or later:
// https://www.gnu.org/licenses/gpl-3.0.html

define('CLI_SCRIPT', true);

require $argv[count($argv) - 2] . '/config.php';

/** What an operator is told: one sentence. The operation has changed nothing. */
final class agent_refusal extends Exception {
}

/** Nothing was changed, since the site is already as it shall be: one sentence. */
final class agent_nothing_to_do extends Exception {
}

(static function (string $name): void {
    global $CFG;
    require_once "$CFG->libdir/clilib.php";
    require_once "$CFG->libdir/adminlib.php";
    if ($admin = get_admin()) { // a site that has none may be here to get one
        \core\session\manager::set_user($admin);
    }
    try {
        $input = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
        $operation = require __DIR__ . '/ops/' . basename($name) . '.php';
        $answer = ['result' => $operation($input)];
    } catch (agent_nothing_to_do $nothing) {
        $answer = ['nothing' => $nothing->getMessage()];
    } catch (agent_refusal $refusal) {
        $answer = ['error' => $refusal->getMessage()];
    } catch (Throwable $error) {
        // Moodle puts the database's own words into debuginfo.
        $details = trim(strtok((string) ($error->debuginfo ?? ''), "\n"));
        $answer = ['error' => $error->getMessage() . ($details === '' ? '' : " ($details)")];
        echo get_class($error), ' at ', $error->getFile(), ':', $error->getLine(), "\n";
        echo $error->getTraceAsString(), "\n";
    }
    $flags = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE;
    $json = json_encode($answer, $flags | JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION);
    foreach (mb_str_split($json, 1 << 20) as $piece) {
        echo "\n\x1e$piece";
    }
    echo "\n";
})(end($argv));
