"""The database behind the ports that `handlers` declare: tables, seals, keys, one writer, migrations, backup."""
