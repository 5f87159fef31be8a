"""An authority for trying things out: made once on this machine, kept in the cache, good for nothing else."""

from pathlib import Path

from image.places import cache
from image.tools import Tools

EXTENSIONS = """[ca]
basicConstraints=critical,CA:true
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[release]
basicConstraints=critical,CA:false
keyUsage=critical,digitalSignature
extendedKeyUsage=critical,codeSigning
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
"""
DAYS = "7300"
EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")


def authority(tools: Tools, at: Path | None = None) -> Path:
    """The folder with authority.pem, release.pem and release.key."""
    folder = at or cache() / "development"
    if (folder / "release.pem").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / "extensions.cnf").write_text(EXTENSIONS)
    name = "/O=development only/CN="
    tools.run(folder, "openssl", "req", *EC, "-keyout", "ca.key", "-out", "ca.csr", "-subj", f"{name}authority")
    common = ("openssl", "x509", "-req", "-days", DAYS, "-extfile", "extensions.cnf")
    tools.run(folder, *common, "-in", "ca.csr", "-extensions", "ca", "-signkey", "ca.key", "-out", "authority.pem")
    tools.run(folder, "openssl", "req", *EC, "-keyout", "release.key", "-out", "release.csr", "-subj", f"{name}release")
    signer = ("-CA", "authority.pem", "-CAkey", "ca.key", "-CAcreateserial")
    tools.run(folder, *common, "-in", "release.csr", "-extensions", "release", *signer, "-out", "release.pem")
    return folder
