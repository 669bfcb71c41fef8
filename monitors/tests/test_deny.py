"""The deny list: what is never probed in any spelling, and what must stay allowed."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.engine.deny import DenyList

DENIED = {
    "metadata of AWS, Google and Azure": "169.254.169.254",
    "metadata of ECS": "169.254.170.2",
    "link-local": "169.254.0.1",
    "metadata of Alibaba": "100.100.100.200",
    "metadata of Oracle": "192.0.0.192",
    "wire server of Azure": "168.63.129.16",
    "metadata of AWS over IPv6": "fd00:ec2::254",
    "the same, written out": "fd00:0ec2:0000:0000:0000:0000:0000:0254",
    "Pod Identity of EKS": "169.254.170.23",
    "metadata of Tencent": "169.254.0.23",
    "metadata of Scaleway": "169.254.42.42",
    "metadata of Volcano Engine": "100.96.0.96",
    "metadata of UCloud": "100.80.80.80",
    "Pod Identity of EKS over IPv6": "fd00:ec2::23",
    "name server of AWS over IPv6": "fd00:ec2::253",
    "time of AWS over IPv6": "fd00:ec2::123",
    "the last of AWS over IPv6": "fd00:ec2:ffff:ffff:ffff:ffff:ffff:ffff",
    "metadata of Google over IPv6": "fd20:ce::254",
    "metadata of Oracle over IPv6": "fd00:c1::a9fe:a9fe",
    "metadata of Akamai over IPv6": "fd00:a9fe:a9fe::1",
    "metadata of Alibaba over IPv6": "fd00:100::100:200",
    "metadata of Scaleway over IPv6": "fd00:42::42",
    "metadata of OpenStack over IPv6": "fe80::a9fe:a9fe",
    "the same with a zone": "fe80::a9fe:a9fe%25eth0",
    "site-local": "fec0::1",
    "discarded on the way": "100::1",
    "IPv6 link-local": "fe80::1",
    "IPv6 link-local with a zone": "fe80::1%eth0",
    "unspecified": "0.0.0.0",
    "this network": "0.1.2.3",
    "IPv6 unspecified": "::",
    "multicast": "224.0.0.1",
    "the last multicast": "239.255.255.255",
    "IPv6 multicast": "ff02::1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "mapped": "::ffff:169.254.169.254",
    "mapped in hexadecimal": "::ffff:a9fe:a9fe",
    "mapped with a zone": "::ffff:169.254.169.254%1",
    "compatible": "::169.254.169.254",
    "translated": "::ffff:0:169.254.169.254",
    "NAT64": "64:ff9b::169.254.169.254",
    "local NAT64, /96": "64:ff9b:1::169.254.169.254",
    "local NAT64, /48": "64:ff9b:1:a9fe:a9:fe00::",
    "local NAT64, /56": "64:ff9b:1:ffa9:fe:a9fe::",
    "local NAT64, /64": "64:ff9b:1:ffff:a9:fea9:fe00:0",
    "NAT64 of a network, /32": "2001:db8:a9fe:a9fe::",
    "NAT64 of a network, /40": "2001:db8:1a9:fea9:fe::",
    "NAT64 of a network, /48": "2001:db8:1:a9fe:a9:fe00::",
    "NAT64 of a network, /56": "2001:db8:1:1a9:fe:a9fe::",
    "NAT64 of a network, /64": "2001:db8:1:1:a9:fea9:fe00:0",
    "NAT64 of a network, /96": "2001:db8:1::a9fe:a9fe",
    "NAT64 of a network to Alibaba": "2001:db8:1::100.100.100.200",
    "6to4": "2002:a9fe:a9fe::1",
    "Teredo server": "2001:0:a9fe:a9fe::ffff:ffff",
    "Teredo client": "2001:0:4136:e378:8000:63bf:5601:5601",
    "ISATAP": "2001:db8::5efe:169.254.169.254",
    "ISATAP with the universal bit": "2001:db8::200:5efe:169.254.169.254",
    "no address at all": "metadata.example",
    "nothing": "",
}
ALLOWED = {
    "private 10/8": "10.1.2.3",
    "private 172.16/12": "172.16.0.1",
    "private 192.168/16": "192.168.1.1",
    "loopback": "127.0.0.1",
    "IPv6 loopback": "::1",
    "public": "93.184.216.34",
    "public IPv6": "2606:2800:220:1::1",
    "unique local": "fd12:3456::1",
    "neighbours of the metadata addresses": "100.100.100.201",
    "mapped private": "::ffff:10.0.0.1",
    "NAT64 of a public address": "64:ff9b::93.184.216.34",
    "local NAT64 of a private address": "64:ff9b:1::10.0.0.5",
    "6to4 of a public address": "2002:5db8:d822::1",
    "unique local beside AWS": "fd00:ec3::254",
    "NAT64 of a network, of a public address": "2001:db8:1::93.184.216.34",
    "NAT64 of a network, of a private address": "2001:db8:1::10.0.0.5",
}


@pytest.mark.parametrize("address", DENIED.values(), ids=DENIED)
def test_denied(address):
    assert DenyList().denies(address)


@pytest.mark.parametrize("address", ALLOWED.values(), ids=ALLOWED)
def test_allowed(address):
    assert not DenyList().denies(address)


@pytest.mark.parametrize(
    "name",
    [
        "metadata",
        "METADATA.google.internal",
        "metadata.google.internal.",
        "Metadata.goog",
        "metadata.azure.internal",
        "metadata.azure.com",
        "metadata.tencentyun.com",
        "metadata.platformequinix.com",
        "metadata.packet.net",
        "api.metadata.cloud.ibm.com",
        "instance-data",
        "instance-data.ec2.internal",
        "Instance-Data.us-east-1.compute.internal.",
    ],
)
def test_names_of_metadata_services_are_denied(name):
    assert DenyList().denies_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "web.example.com",
        "metadata.example.com",
        "my-metadata",
        "metadata.shop.internal",
        "my-instance-data.internal",
        "instance-data.example.com",
        "",
    ],
)
def test_other_names_are_allowed(name):
    assert not DenyList().denies_name(name)


def test_extra_networks_add_to_the_list():
    deny = DenyList(["127.0.0.0/8", " 2001:db8::/32 ", "10.0.0.7", "192.168.1.1/24"])
    for address in ("127.0.0.1", "::ffff:127.0.0.1", "2001:db8::5", "10.0.0.7", "192.168.1.99", "169.254.169.254"):
        assert deny.denies(address), address
    assert not deny.denies("10.0.0.8")


@pytest.mark.parametrize("text", ["10.0.0.0/33", "example.com", "", "10.0.0"])
def test_an_invalid_network_is_named(text):
    with pytest.raises(ValueError, match="is not a network") as caught:
        DenyList(["10.0.0.0/8", text])
    assert repr(text) in str(caught.value)


@settings(deadline=None)
@given(st.ip_addresses(v=4, network="169.254.0.0/16") | st.ip_addresses(v=4, network="224.0.0.0/3"))
def test_no_wrapping_hides_a_denied_address(ip):
    deny = DenyList()
    number = int(ip)
    for wrapped in (
        0xFFFF << 32 | number,
        number,
        0x64FF9B << 96 | number,
        0x2002 << 112 | number << 80 | 1,
        0x20010000 << 96 | 1 << 64 | number ^ 0xFFFF_FFFF,
        0x20010DB8 << 96 | 0x5EFE << 32 | number,
    ):
        assert deny.denies(str(ipaddress.IPv6Address(wrapped)))


@settings(deadline=None)
@given(st.ip_addresses(v=4, network="10.0.0.0/8") | st.ip_addresses(v=4, network="127.0.0.0/8"))
def test_fleets_stay_reachable(ip):
    assert not DenyList().denies(str(ip))
