"""What a settings file may say; all that is wrong with it is told at once, with line, key and the nearest valid name."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from reconcilers.declared.settings import Settings, read_settings
from reconcilers.errors import SettingsInvalid


def read(folder: Path, text: str) -> Settings:
    file = folder / "reconcile.yaml"
    file.write_text(dedent(text))
    return read_settings(file)


def test_defaults_and_a_source(tmp_path: Path) -> None:
    found = read(tmp_path, "billing: [{name: Stripe EU.2, kind: focus_file, uri: in}]\nreporting_currency: EUR\n")
    assert (found.reporting_currency, found.repull_days, found.keep_versions) == ("EUR", 7, 3)
    assert found.file == tmp_path / "reconcile.yaml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("abandoned_after_days: 0", "line 1: abandoned_after_days: Input should be greater than or equal to 1"),
        ("midnight_window_minutes: -5", "line 1: midnight_window_minutes: Input should be greater"),
        ("coverage_gate_millionths: 1000001", "line 1: coverage_gate_millionths: Input should be less"),
        ("excess_ratio_millionths: -1", "line 1: excess_ratio_millionths"),
        ("keep_versions: 0", "line 1: keep_versions"),
        ("repull_days: -1", "line 1: repull_days"),
        ("materiality: -1", "line 1: materiality"),
        ("reporting_currency: 'U''D'", "line 1: reporting_currency: .*is no currency code of ISO 4217"),
        ("reporting_currency: EUX", "line 1: reporting_currency: is no currency code of ISO 4217"),
        ("\nhom: var", "line 2: hom: there is no such setting; nearest is home"),
        ("file: other.yaml", "line 1: file: there is no such setting"),
        ("1: x", "line 1: 1: a key is a word"),
        ("yes: x", "line 1: yes: a key is a word"),
        ("home: a\nmateriality: 1\nhome: b", "line 3: home: stands here for the second time; the first is on line 1"),
        ("warehouse: bigquery\nbigquery: {projekt: p}", "line 2: bigquery.projekt: .*nearest is project"),
        (
            "warehouse: bigquery\nbigquery:\n  project: p\n  row_access: {tenant: {}}",
            "line 4: bigquery.row_access.tenant: there is no such setting; nearest is tenants",
        ),
        ("home: var\nlake: &all [*all]", "its aliases stand for more than settings can hold"),
        ("home: &all {home: *all}", "its aliases stand for more than settings can hold"),
        (
            "l0: &l0 [x, x]\n" + "".join(f"l{n + 1}: &l{n + 1} [*l{n}, *l{n}]\n" for n in range(25)),
            "its aliases stand for more than settings can hold",
        ),
        ("home: " + "[" * 5000, "lists or keys in one another without end"),
        ('keep_versions: 1\nhome: "\\0"', "line 2: a value holds a zero byte"),
        ("home: [", "line 1: not YAML"),
        ("- home", "must hold keys and values"),
        ("warehouse: bigquery", "say which project"),
    ],
)
def test_a_setting_that_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said) as found:
        read(tmp_path, text)
    assert str(tmp_path / "reconcile.yaml") in str(found.value)


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ("[{kind: otlp}]", "line 1: a telemetry source without a name"),
        ("[{name: reference, kind: otlp}]", "no source can be called 'reference'"),
        ("[{name: '(none)', kind: otlp}]", "no source can be called"),
        ("[{name: ../up, kind: otlp}]", "no source can be called"),
        ("[{name: 7, kind: otlp}]", "no source can be called '7'"),
        ("[{name: '', kind: otlp}]", "no source can be called"),
        ("\n- {name: a, kind: otlp}\n- name: a\n  kind: mapped", "line 3: a second source called 'a'; the first is on line 2"),
        ("\n- {name: a, kind: otlp, uri: x, uri: y}", "line 2: telemetry.0.uri: stands here for the second time"),
    ],
)  # fmt: skip
def test_a_source_whose_name_cannot_be(tmp_path: Path, sources: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        read(tmp_path, f"telemetry: {sources}\n")


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ("\n- {name: a, kind: otlp}\n- {name: b, kind: otlp, renamed_from: a}", "line 3: 'a' is a source on line 2"),
        (
            "\n- {name: a, kind: otlp, renamed_from: [x, z]}\n- {name: b, kind: otlp, renamed_from: z}",
            "line 3: 'a' was called 'z' as well",
        ),
    ],
)  # fmt: skip
def test_an_earlier_name_is_of_one_source(tmp_path: Path, sources: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        read(tmp_path, f"telemetry: {sources}\n")


def test_earlier_names_are_one_or_several(tmp_path: Path) -> None:
    read_ = read(
        tmp_path,
        "billing: [{name: a, kind: x, renamed_from: b}, {name: c, kind: x, renamed_from: [d, e]}, {name: f, kind: x}]\n",
    )
    assert read_.renamed == {"a": ("b",), "c": ("d", "e")}


def test_two_rooms_share_no_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="line 2: a second source called 'a'; the first is on line 1"):
        read(tmp_path, "billing: [{name: a, kind: focus_file}]\ntelemetry: [{name: a, kind: otlp}]\n")


def test_all_that_is_wrong_is_told_at_once_and_no_value(tmp_path: Path) -> None:
    text = """\
        homme: var
        keep_versions: s3cr3t
        telemetry:
          - {kind: otlp}
        materiality: -1
        """
    with pytest.raises(SettingsInvalid) as found:
        read(tmp_path, text)
    told = str(found.value)
    places = [told.index(f"line {line}: ") for line in (1, 2, 4, 5)]
    assert places == sorted(places)
    assert "s3cr3t" not in told
