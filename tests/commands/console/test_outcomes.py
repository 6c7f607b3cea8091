import json

import pytest

from commands.console.outcomes import outcome, with_outcomes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ({"before": "4.2", "after": None, "exit_code": 0}, "before 4.2"),
        ({"left_out": 3, "done": True}, "left out 3 · done yes"),
        ({"files": 1, "gone": False}, "files 1 · gone no"),
        ({"rows": [[1]]}, ""),
        ({"text": "x" * 400}, ""),
        ([1], ""),
        (None, ""),
    ],
    ids=json.dumps,
)
def test_a_small_result_is_told_in_a_line(admin_client, run_of, rows, result, told):
    run = run_of("commands/Probe", rows(1))
    run.jobs.update(state="succeeded", result=result)

    page = admin_client.get(f"/commands/run/of/run/{run.pk}/live/").content.decode()

    assert outcome(with_outcomes(run.jobs.all()).get()) == told
    assert f">{told}</td>" in page
