"""The data folder moves with TRUECOST_HOME."""

from pathlib import Path

from warehouse.paths import DEFAULT_ROOT, Home


def test_home_is_the_package_data_folder_unless_the_environment_names_another(tmp_path: Path):
    assert Home.from_environment({}).root == DEFAULT_ROOT
    assert Home.from_environment({"TRUECOST_HOME": " "}).root == DEFAULT_ROOT
    home = Home.from_environment({"TRUECOST_HOME": str(tmp_path)})
    assert home.landing == tmp_path / "landing"


def test_every_place_lies_under_the_root(tmp_path: Path):
    home = Home(tmp_path)
    places = [name for name, kind in vars(Home).items() if isinstance(kind, property)]
    assert len(places) == 8
    assert all(tmp_path in getattr(home, name).parents for name in places)
