"""The parts of an evaluation's output that are shown elsewhere."""

from overnight.evaluators import CommandEvaluator, SimulatedEvaluator
from overnight.evaluators.results.printed import printed

A_COMMAND = CommandEvaluator(command="true", environment=("TOKEN", "PLAIN=visible"))


def test_values_of_variables_that_are_passed_on_are_replaced_by_their_names(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", "s3cret-value")
    (tmp_path / "stdout").write_text("using s3cret-value and visible\n")
    assert printed(A_COMMAND, tmp_path) == {"stdout": "using [TOKEN] and visible"}


def test_only_the_end_is_kept_and_no_half_of_a_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", "s3cret-value")
    (tmp_path / "stderr").write_text("s3cret-value" + "." * 32_760 + "end")
    text = printed(A_COMMAND, tmp_path)["stderr"]
    assert text.endswith("end")
    assert len(text) <= 32_768
    assert "value" not in text


def test_streams_without_text_and_folders_that_are_not_there_are_left_out(tmp_path):
    (tmp_path / "stdout").write_text("\n")
    assert printed(A_COMMAND, tmp_path) == {}
    assert printed(A_COMMAND, tmp_path / "never-made") == {}


class Remote(SimulatedEvaluator):
    """Another kind of evaluator, which has a token and no `environment`."""

    def secrets(self) -> dict[str, str]:
        return {"BEARER": "tok-4711-abc"}


def test_an_evaluator_without_an_environment_names_its_secrets_like_every_other(tmp_path):
    (tmp_path / "stderr").write_text("401 for tok-4711-abc\n")
    assert printed(Remote(function="branin"), tmp_path) == {"stderr": "401 for [BEARER]"}
