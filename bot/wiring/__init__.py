"""Puts everything together, once: the only package that knows storage. Whoever runs or asks something takes it from here.

`service` is the running program, `pages` its web application, `auditing` who watches it, `opening` where its data lie;
`database`, `keys` and `audit_key` are what commands do with those.
"""

from __future__ import annotations

from bot.wiring.audit_key import AuditKeyChanged, change_audit_key, prepare_audit_key_of
from bot.wiring.auditing import duty_of, open_auditor
from bot.wiring.database import (
    Records,
    backup_database,
    begin_quarantine,
    check_database,
    data_file,
    drill_restore,
    note_backup,
    open_content,
    open_records,
    release_quarantine,
    restore_database,
    upgrade_database,
    write_row,
)
from bot.wiring.keys import (
    change_session_key,
    check_keys,
    copy_keys,
    keep_keys_twice,
    key_warnings,
    key_warnings_of,
    prepare_kek,
    retire_keks,
    rotate_keys,
    show_keys,
    verify_key_copy,
)
from bot.wiring.opening import database_of, hold_lock, installation_of
from bot.wiring.peppers import prepare_pepper, retire_peppers, rotate_pepper, show_peppers, void_old_codes
from bot.wiring.service import Service, open_service
from storage.drill import RPO, RTO
from storage.key_care import in_words
from storage.rehashing import Under

__all__ = [
    "RPO",
    "RTO",
    "AuditKeyChanged",
    "Records",
    "Service",
    "Under",
    "backup_database",
    "begin_quarantine",
    "change_audit_key",
    "change_session_key",
    "check_database",
    "check_keys",
    "copy_keys",
    "data_file",
    "database_of",
    "drill_restore",
    "duty_of",
    "hold_lock",
    "in_words",
    "installation_of",
    "keep_keys_twice",
    "key_warnings",
    "key_warnings_of",
    "note_backup",
    "open_auditor",
    "open_content",
    "open_records",
    "open_service",
    "prepare_audit_key_of",
    "prepare_kek",
    "prepare_pepper",
    "release_quarantine",
    "restore_database",
    "retire_keks",
    "retire_peppers",
    "rotate_keys",
    "rotate_pepper",
    "show_keys",
    "show_peppers",
    "upgrade_database",
    "verify_key_copy",
    "void_old_codes",
    "write_row",
]
