"""Country databases for ranges of loopback."""
import json
import subprocess

_PERL = r"""
use strict; use warnings; use JSON::PP; use MaxMind::DB::Writer::Tree;
my $in = decode_json(join '', <STDIN>);
my $tree = MaxMind::DB::Writer::Tree->new(ip_version => 6, record_size => 24, database_type => 'Test-Country', languages => ['en'],
  description => {en => 'loopback'}, remove_reserved_networks => 0, alias_ipv6_to_ipv4 => 0,
  map_key_type_callback => sub { $_[0] eq 'country' ? 'map' : 'utf8_string' });
$tree->insert_network($_, {country => {iso_code => $in->{networks}{$_}}}) for sort keys %{$in->{networks}};
open my $out, '>:raw', $in->{path} or die "$in->{path}: $!"; $tree->write_tree($out); close $out;
"""


def write_country_database(path, networks):
    """networks: {"127.9.0.0/16": "CN"}; MaxMind's own nesting, country.iso_code."""
    subprocess.run(["perl", "-e", _PERL], input=json.dumps({"path": path, "networks": networks}), text=True, check=True, timeout=60)
