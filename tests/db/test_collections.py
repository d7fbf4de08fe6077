"""Collections as somebody's SQL may leave them."""

import sqlite3


def test_a_collection_without_a_model_is_none_of_ours(embedded):
    connection = sqlite3.connect(embedded.database)
    connection.execute("update collections set model = null")
    connection.commit()
    connection.close()
    for command in (("search", "photos", "red"), ("status", "photos")):
        message = embedded.fails("glam", *command)
        assert message.startswith("There is no collection 'photos' in this database")
    assert embedded("glam", "status").exception is None
