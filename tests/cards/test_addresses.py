"""Which addresses a link may lead this server to: those that anybody could reach, in whatever spelling."""

from __future__ import annotations

import pytest

from app.cards.addresses import is_public
from app.cards.fetch import Fetcher, Unfit, Unreachable

PRIVATE = """
127.0.0.1 127.255.255.254 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 100.127.255.255
0.0.0.0 0.1.2.3 255.255.255.255 224.0.0.1 239.1.1.1 240.0.0.1 192.0.0.1 192.0.0.170 192.0.2.1 198.18.0.1
198.51.100.1 203.0.113.1 192.88.99.1 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.1
::ffff:169.254.169.254 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b::10.0.0.1
64:ff9b:1::1 64:ff9b:1:7f00:0:100:: 2002:7f00:1:: 2002:a00:1:: 2002:0808:0808:: 2001::1 2001:0:7f00:1:: 2001:10::1
2001:20::1 2001:db8::1 3fff::1 fe80::1 fe80::1%eth0 febf::1 fec0::1 fc00::1 fd00::1 fd00:ec2::254 ff02::1 100::1
5f00::1 4000::1 2606:4700::1%1 localhost 2130706433 0x7f000001 example.org
""".split()  # noqa: SIM905
PUBLIC = """
1.1.1.1 8.8.8.8 93.184.215.14 172.15.255.255 172.32.0.1 100.63.255.255 100.128.0.1 169.253.1.1 11.0.0.1
2606:4700:4700::1111 2a00:1450:4001:80f::200e ::ffff:8.8.8.8 64:ff9b::808:808
""".split()  # noqa: SIM905
# Spelled so that a careless reader takes them for something else; the system's resolver knows better.
SPELLED = """
http://127.0.0.1/ http://127.1/ http://2130706433/ http://0x7f.1/ http://0x7f000001/ http://0177.0.0.1/
http://017700000001/ http://0/ http://0.0.0.0/ http://localhost/ http://LOCALHOST./ http://127.0.0.1./
http://[::1]/ http://[::]/ http://[::ffff:127.0.0.1]/ http://[::ffff:7f00:1]/ http://[64:ff9b::7f00:1]/
http://[fe80::1]/ http://[fc00::1]/ http://[fd00:ec2::254]/ http://169.254.169.254/latest/meta-data/
http://10.0.0.1/ http://192.168.0.1/ http://100.64.0.1/ https://127.0.0.1/ http://①②⑦.⓪.⓪.①/ http://127。0。0。1/
""".split()  # noqa: SIM905
# Not asked for at all: the resolver, which would allow them, is never called.
REFUSED = """
file:///etc/passwd gopher://8.8.8.8/ ftp://8.8.8.8/ dict://8.8.8.8:11211/ //8.8.8.8/ javascript:alert(1)
data:text/html,x http:/// http:// http://8.8.8.8:6379/ http://8.8.8.8:22/ http://8.8.8.8:8000/ https://8.8.8.8:0/
http://8.8.8.8:99999/ http://user@8.8.8.8/ http://user:password@8.8.8.8/ http://good.example@8.8.8.8/ http://[::1
""".split()  # noqa: SIM905


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("url", SPELLED)
async def test_every_spelling_of_a_private_address_is_refused(url: str) -> None:
    with pytest.raises((Unfit, Unreachable)) as refusal:
        await Fetcher().get(url, ["text/html"], 1000)
    # Where the system does not take the spelling for an address at all there is nothing to reach either.
    assert "not public" in str(refusal.value) or isinstance(refusal.value.__cause__, OSError)


@pytest.mark.parametrize("url", REFUSED)
async def test_only_web_addresses_are_asked_for(url: str) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        raise AssertionError(f"{host}:{port} was looked up")

    with pytest.raises(Unfit):
        await Fetcher(resolve).get(url, ["text/html"], 1000)


@pytest.mark.parametrize("among", [["10.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["2606:4700::1", "::ffff:10.0.0.1"]])
async def test_a_name_with_one_private_address_is_refused(among: list[str]) -> None:
    async def resolve(_host: str, _port: int) -> list[str]:
        return among

    with pytest.raises(Unfit, match="not public"):
        await Fetcher(resolve).get("http://innocent.example/", ["text/html"], 1000)
