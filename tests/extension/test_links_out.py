"""A link that leads out of the checkpoint is named, and never becomes a hard link."""

from posembed import extend_checkpoint
from posembed.extension.links_out import links_out


def test_a_link_that_leads_out_is_named_and_copied(bert, tmp_path, cli):
    secret = tmp_path / "secret"
    secret.write_text("x")
    (bert / "vocab.txt").unlink(missing_ok=True)
    (bert / "vocab.txt").symlink_to(secret)
    (bert / "inside.txt").symlink_to("config.json")
    said = f"vocab.txt is a symbolic link that leads out of the checkpoint: the copy holds the content of {secret}"
    assert list(links_out(bert)) == [said]
    for link in (False, True):
        out = tmp_path / f"out{link}"
        assert said in extend_checkpoint(bert, out, 32, link=link).notes
        assert (out / "vocab.txt").read_text() == "x"
        assert not (out / "vocab.txt").is_symlink()
        assert (out / "vocab.txt").stat().st_ino != secret.stat().st_ino
    assert secret.stat().st_nlink == 1
    code, printed, _ = cli("extend", bert, tmp_path / "again", "--to", 32, "--dry-run")
    assert code == 0
    assert "vocab.txt is a symbolic link that leads out" in printed


def test_a_single_file_has_no_links(bert):
    assert list(links_out(bert / "model.safetensors")) == []
