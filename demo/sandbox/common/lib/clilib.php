<?php
// Parsing of command lines, with Moodle's rules: --name=value, --name, --no-name,
// -x, -x=value; stops at a literal --.

function cli_get_params(array $longoptions, array $shortmapping = []): array {
    $options = $unrecognised = [];
    foreach (array_slice($_SERVER['argv'], 1) as $word) {
        if ($word === '--') {
            break;
        }
        [$name, $value] = explode('=', $word, 2) + [1 => true];
        if (str_starts_with($name, '--')) {
            $name = substr($name, 2);
        } else if (preg_match('/^-(\w)$/', $name, $short) && isset($shortmapping[$short[1]])) {
            $name = $shortmapping[$short[1]];
        } else {
            $unrecognised[] = $word;
            continue;
        }
        if (array_key_exists($name, $longoptions)) {
            $options[$name] = $value;
        } else if (str_starts_with($name, 'no-') && array_key_exists(substr($name, 3), $longoptions)) {
            $options[substr($name, 3)] = false;
        } else {
            $unrecognised[] = $word;
        }
    }
    return [$options + $longoptions, $unrecognised];
}

function cli_refuse_unknown(array $unrecognised, int $code = 1): void {
    if ($unrecognised) {
        cli_error("Unrecognised options:\n  " . implode("\n  ", $unrecognised)
            . "\nPlease use --help option.", $code);
    }
}

function cli_error(string $text, int $code = 1): never {
    fwrite(STDERR, "$text\n\n");
    exit($code);
}

function cli_writeln(string $text): void {
    echo "$text\n";
}
