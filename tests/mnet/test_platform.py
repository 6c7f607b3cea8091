"""PHP has RC4 when VMoodle starts it; what mends it elsewhere is printed."""

import subprocess

from demo import sites
from mnet import platform
from tenants import process


def test_php_that_we_start_has_rc4():
    assert platform.lacks_rc4("php") == ""
    assert process.OPENSSL.samefile(sites.OPENSSL)  # the demo's web server


def test_a_php_without_the_provider_is_told(monkeypatch, tmp_path):
    empty = tmp_path / "openssl.cnf"
    empty.write_text("[req]\ndefault_bits = 2048\n")
    monkeypatch.setattr(process, "OPENSSL", empty)
    platform.lacks_rc4.cache_clear()

    assert "php has no RC4: its OpenSSL 3" in platform.lacks_rc4("php")

    platform.lacks_rc4.cache_clear()


def test_what_is_printed_gives_php_rc4_and_takes_nothing_away(tmp_path):
    lines = platform.mend()
    begin = next(n for n, line in enumerate(lines) if "openssl_conf" in line)
    given = tmp_path / "openssl.cnf"
    given.write_text("\n".join(lines[begin:]))
    environment = {"PATH": "/usr/bin:/bin", "OPENSSL_CONF": str(given)}

    providers = subprocess.run(
        ["openssl", "list", "-providers"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert "Default Provider" in providers
    assert "Legacy Provider" in providers
    assert f"    Environment=OPENSSL_CONF={process.OPENSSL}" in lines
    assert process.OPENSSL.is_file()


def test_moodle_can_make_its_own_keys_with_our_settings():
    code = (
        "$key = openssl_pkey_new();"
        "$csr = openssl_csr_new(['commonName' => 'x'], $key);"
        "echo (int) openssl_x509_export(openssl_csr_sign($csr, null, $key, 28), $text),"
        "openssl_pkey_get_details($key)['bits'];"
    )

    done = subprocess.run(
        ["php", "-r", code],
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "OPENSSL_CONF": str(process.OPENSSL),
        },
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "12048"
