"""The agency's SIP server: kamailio as registrar and proxy, with digest authentication where a password is given. Pure.

Media does not pass it: the two phones send to each other.
"""

MODULES = "/usr/lib/x86_64-linux-gnu/kamailio/modules"
LOADED = ("pv", "tm", "sl", "rr", "maxfwd", "textops", "siputils", "usrloc", "registrar", "auth")

ROUTES = """
request_route {
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (has_totag()) {
        loose_route();
        if (is_method("ACK") && !t_check_trans()) { forward(); exit; }
        t_relay();
        exit;
    }
    if (is_method("REGISTER")) { route(ENROL); exit; }
    if (is_method("OPTIONS") && $rU == $null) { sl_send_reply("200", "OK"); exit; }
    if (is_method("INVITE")) record_route();
    if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
    t_relay();
}
"""


def configuration(address: str, port: int, passwords: dict[str, str]) -> str:
    """kamailio.cfg; `passwords` by extension: one without may register freely, an empty table lets everybody."""
    return "\n".join(
        [
            "#!KAMAILIO",
            "debug=1",
            "log_stderror=yes",
            "fork=yes",
            "children=1",
            "auto_aliases=no",
            f"listen=udp:{address}:{port}",
            f"listen=tcp:{address}:{port}",
            "tcp_children=1",
            f'mpath="{MODULES}"',
            *(f'loadmodule "{name}.so"' for name in LOADED),
            'modparam("usrloc", "timer_interval", 5)',
            ROUTES,
            _enrol(passwords),
        ]
    )


def _enrol(passwords: dict[str, str]) -> str:
    checks = [
        f'    if ($tU == "{user}" && !pv_www_authenticate("$td", "{password}", "0"))'
        ' { www_challenge("$td", "1"); exit; }'
        for user, password in passwords.items()
    ]
    return "\n".join(["route[ENROL] {", *checks, '    save("location");', "}", ""])
