#!/usr/bin/env perl
# make_mmdb.pl OUT LAYOUT IP_VERSION < rows: writes a small MaxMind DB for a test. A row is "NETWORK COUNTRY ASN" ("-": absent).
# LAYOUT nested: country.iso_code and autonomous_system_number; registered: registered_country.iso_code;
# flat: country_code and asn as a number; text: country_code and asn as written.
use strict;
use warnings;
use MaxMind::DB::Writer::Tree;

my ($out, $layout, $ip_version) = @ARGV;
my %types = (
    country => 'map', registered_country => 'map', iso_code => 'utf8_string', country_code => 'utf8_string',
    autonomous_system_number => 'uint32', asn => $layout eq 'text' ? 'utf8_string' : 'uint32',
);
my $tree = MaxMind::DB::Writer::Tree->new(
    ip_version => $ip_version, record_size => 24, database_type => 'Test', languages => ['en'], description => { en => 'test' },
    remove_reserved_networks => 0, map_key_type_callback => sub { $types{ $_[0] } },
);
while (my $row = <STDIN>) {
    my ($network, $country, $asn) = split ' ', $row;
    my %record;
    if ($country ne '-') {
        $record{country} = { iso_code => $country } if $layout eq 'nested';
        $record{registered_country} = { iso_code => $country } if $layout eq 'registered';
        $record{country_code} = $country if $layout eq 'flat' || $layout eq 'text';
    }
    $record{ $layout eq 'nested' ? 'autonomous_system_number' : 'asn' } = $asn if $asn ne '-';
    $tree->insert_network($network, \%record);
}
open my $file, '>:raw', $out or die "$out: $!";
$tree->write_tree($file);
close $file or die "$out: $!";
