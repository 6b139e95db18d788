import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module", ["ocpp.summary", "ocpp.wording", "ocpp.visible", "ocpp.transactions", "filter"]
)
def test_what_only_tells_of_messages_imports_no_schemas(module):
    check = f"import sys, ocppscope.{module}; print('jsonschema_rs' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, check=True, encoding="utf-8")
    assert done.stdout.strip() == "False"


def test_making_text_visible_imports_nothing_else_of_the_program():
    check = (
        "import sys, ocppscope.ocpp.visible; print(*(name for name in sys.modules if 'ocppscope.' in name))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, check=True, encoding="utf-8")
    assert set(done.stdout.split()) == {"ocppscope.ocpp", "ocppscope.ocpp.visible"}
