#include "config/schema.hpp"

#include <algorithm>
#include <map>

#include "config/store.hpp"

namespace postern::config {
namespace {

constexpr Range worker_range{1, store::most_workers};
constexpr Range rate_range{1, 10'000'000};
constexpr Range count_range{1, 10'000'000};
constexpr Range hour_range{1, 100'000};
constexpr std::int64_t second = 1000;
constexpr std::int64_t day = 86'400 * second;
constexpr Range short_times{100, 64 * second};
constexpr Range times{second, 365 * day};
constexpr Range refusals{400, 699};

// clang-format off: one key, one row
const Row table[] = {
  {.path = "listeners[]", .form = Form::value_or_map, .single = true, .filled = true, .required = true, .scalar_is = "address",
   .example = "[udp://0.0.0.0:5060]", .help = "The access side: where the internet is heard. Up to 255. `[::]` hears IPv6 alone: add `udp://0.0.0.0:5060` for IPv4. An IPv6 URL is quoted: `\"udp://[::]:5060\"`.",
   .begin = store::begin_listener},
  {.path = "listeners[].address", .kind = &kinds::listener_address, .required = true, .example = "udp://0.0.0.0:5060",
   .help = "Address and port to listen on.", .store = store::listener_address},
  {.path = "listeners[].name", .kind = &kinds::name, .example = "public",
   .help = "Its name in rules and logs; without one, the address as written.", .store = store::listener_name},
  {.path = "listeners[].advertise", .form = Form::value_or_map, .kind = &kinds::host_port, .filled = true,
   .example = "sbc.example.com:5060",
   .help = "What clients see in Via, Contact and Record-Route, or a map of it by network (and `default`). Without it: the bound address, for a wildcard the local address that the packet came in on.",
   .store = store::listener_advertise},
  {.path = "listeners[].advertise.*", .kind = &kinds::host_port, .names = &kinds::network_ref, .example = "203.0.113.9",
   .help = "What clients in this network see; the most specific network wins.", .store = store::listener_advertise_to},
  {.path = "listeners[].origins[]", .kind = &kinds::origin, .single = true, .example = "[https://pbx.example.com]",
   .help = "ws and wss: the web origins that may connect; without it, any.", .store = store::listener_origin},
  {.path = "listeners[].tls", .form = Form::map,
   .help = "Certificate and rules of a tls or wss listener, which needs it. The files are read again by a reload; what is connected already goes on as it is.", .begin = store::begin_tls},
  {.path = "listeners[].tls.certificate", .kind = &kinds::path, .required = true, .example = "tls/fullchain.pem",
   .help = "The server's certificate and its chain, PEM, the server's own first.", .store = store::tls_file<&sbc::TlsOptions::certificate>},
  {.path = "listeners[].tls.private_key", .kind = &kinds::path, .required = true, .example = "tls/privkey.pem",
   .help = "Its key, PEM, without a password.", .store = store::tls_file<&sbc::TlsOptions::private_key>},
  {.path = "listeners[].tls.min_version", .kind = &kinds::word, .words = "1.2 1.3", .standard = "\"1.2\"",
   .help = "The oldest TLS version that is spoken.", .store = store::tls_min_version},
  {.path = "listeners[].tls.client_ca", .kind = &kinds::path, .example = "tls/clients.pem",
   .help = "Clients must show a certificate of this authority (PEM).", .store = store::tls_file<&sbc::TlsOptions::client_ca>},
  {.path = "listeners[].trap", .kind = &kinds::on_off, .standard = "off",
   .help = "A port where nobody belongs: whoever speaks SIP here is banned, and gets no answer.", .store = store::listener_trap},

  {.path = "pbx", .form = Form::value_or_map, .required = true, .scalar_is = "address",
   .help = "The core side: the PBX that stays hidden."},
  {.path = "pbx.address[]", .kind = &kinds::pbx_address, .single = true, .filled = true, .required = true,
   .example = "udp://10.0.0.5:15060",
   .help = "Where the PBX listens, by address (udp://, tcp:// or tls://); the port is 5060 (tls: 5061) unless written. A list is tried in order. Over tcp:// and tls:// Asterisk forgets every phone when Postern's connection ends, so phones are told to register every 90 s.",
   .store = store::pbx_address},
  {.path = "pbx.ca", .kind = &kinds::path, .example = "tls/pbx-ca.pem",
   .help = "tls:// alone: the authority (PEM) that must have signed the PBX's certificate, which must name `domain`, or else the address; without it, any certificate will do.",
   .store = store::pbx_ca},
  {.path = "pbx.bind", .kind = &kinds::bind, .held = true, .example = "10.0.0.2:5080",
   .help = "The address of ours that the PBX sees. Without it: the local address of the route to the PBX, port 5080.",
   .store = store::pbx_bind},
  {.path = "pbx.domain", .kind = &kinds::host, .example = "pbx.example.com",
   .help = "The host written into Request-URIs toward the PBX; without it, the PBX's address.", .store = store::pbx_domain},
  {.path = "pbx.public_domain", .kind = &kinds::host, .example = "sip.example.com",
   .help = "The host shown to clients wherever the PBX writes its own; without it, what the listener advertises.",
   .store = store::pbx_public_domain},
  {.path = "pbx.health_check", .kind = &kinds::duration, .range = times, .words = "off", .standard = "30s",
   .help = "How often OPTIONS asks each address whether it lives; a dead one is skipped, and if all are dead, new requests get 503 at once.",
   .store = store::pbx_health_check},
  {.path = "pbx.health_check_user", .kind = &kinds::user, .example = "\"1001\"",
   .help = "The From user of that OPTIONS; an unknown one feeds the PBX's own fail2ban. Without it: the user of the last accepted REGISTER.",
   .store = store::pbx_health_check_user},
  {.path = "pbx.media_address", .kind = &kinds::ip, .example = "203.0.113.10",
   .help = "Written into SDP toward the access side where the PBX names itself, for phones that reach its RTP ports through a router's forwarding ([which networks need it](media.md)).",
   .store = store::pbx_media_address},
  {.path = "pbx.timeout", .kind = &kinds::duration, .range = short_times, .standard = "4s",
   .help = "How long an address may be silent before the next is tried; behind the last an INVITE is answered 408.", .store = store::pbx_timeout},

  {.path = "trunks[]", .form = Form::map, .effect = Effect::later, .help = "The providers."},
  {.path = "trunks[].name", .kind = &kinds::name, .required = true, .example = "voipco", .effect = Effect::later, .help = "Its name."},
  {.path = "trunks[].address", .kind = &kinds::trunk_address, .required = true, .example = "udp://sip.voipco.example",
   .effect = Effect::later, .help = "Host name (SRV, NAPTR) or address."},
  {.path = "trunks[].networks[]", .kind = &kinds::network, .single = true, .example = "[198.51.100.0/26]", .effect = Effect::later,
   .help = "Where its calls come from.", .store = store::trunk_network},
  {.path = "trunks[].bind", .kind = &kinds::bind, .example = "10.0.0.2:5081", .effect = Effect::later,
   .help = "A core-side port of its own, which the PBX may trust as this trunk."},
  {.path = "trunks[].domains[]", .kind = &kinds::host, .single = true, .example = "[voipco.example]", .effect = Effect::later,
   .help = "Request-URI hosts by which the PBX chooses it."},
  {.path = "trunks[].channels", .kind = &kinds::integer, .range = {1, 100'000}, .example = "30", .effect = Effect::later,
   .help = "How many calls at once."},

  {.path = "networks", .form = Form::map, .help = "Names for networks."},
  {.path = "networks.*[]", .form = Form::value_or_map, .kind = &kinds::network, .names = &kinds::name, .single = true,
   .example = "[203.0.113.0/24, 2001:db8:42::/48]", .help = "Addresses and networks, or files of them.", .begin = store::begin_network,
   .store = store::network},
  {.path = "networks.*[].file", .kind = &kinds::path, .example = "lists/blocklist.txt",
   .help = "One address or network a line, `#` begins a comment.", .store = store::network_file},
  {.path = "networks.*[].name", .kind = &kinds::host, .example = "anna.dyn.example",
   .help = "A dynamic name, looked up again and again by the running daemon; the last good answer holds. `check` and `explain` do not look it up: to them it has no address.",
   .store = store::network_name},
  {.path = "networks.*[].refresh", .kind = &kinds::duration, .range = times, .standard = "2m",
   .help = "How often that name is looked up.", .store = store::network_refresh},
  {.path = "trusted[]", .kind = &kinds::network_ref, .single = true, .example = "[office]",
   .help = "Never banned (a `ban` rule only drops that packet). No per-source limits once registered; unproven UDP packets may use ten times `per_source`. Rules and the PBX limit still hold.", .store = store::trusted},

  {.path = "geo", .form = Form::map, .help = "Databases in MaxMind's format, for the conditions `country` and `asn`. Where to get one: docs/operations.md."},
  {.path = "geo.country", .kind = &kinds::path, .example = "GeoLite2-Country.mmdb", .help = "Countries by address.",
   .store = store::country_database},
  {.path = "geo.asn", .kind = &kinds::path, .example = "GeoLite2-ASN.mmdb", .help = "Autonomous systems by address.",
   .store = store::asn_database},
  {.path = "user_agents", .form = Form::map,
   .help = "Names for sets of User-Agent patterns. The set `builtin`, the shipped list of scanners, is always there."},
  {.path = "user_agents.*[]", .kind = &kinds::pattern, .names = &kinds::name, .single = true, .filled = true,
   .example = "[builtin, \"^evilphone/\"]",
   .help = "Patterns matched anywhere in the User-Agent, without case; `builtin` stands for the shipped list.",
   .begin = store::begin_user_agents, .store = store::user_agent},

  {.path = "rules[]", .form = Form::map, .help = "Read from the top; the first rule whose conditions all hold decides.",
   .begin = store::begin_rule},
  {.path = "rules[].name", .kind = &kinds::text, .example = "known bad networks",
   .help = "Shown in logs, metrics and by `explain`; without one, `rules[N]`.", .store = store::rule_name},
  {.path = "rules[].source", .form = Form::condition, .kind = &kinds::network_ref, .example = "203.0.113.0/24",
   .help = "The address that the request came from.", .store = store::condition<&DraftConditions::source>},
  {.path = "rules[].country", .form = Form::condition, .kind = &kinds::country, .example = "[US, CA, private]",
   .help = "That address's country, by its two letters. `private` is a private, loopback or link-local address, `unknown` any other that the database does not know.",
   .store = store::condition<&DraftConditions::country>},
  {.path = "rules[].asn", .form = Form::condition, .kind = &kinds::asn, .example = "AS64496",
   .help = "That address's autonomous system.", .store = store::condition<&DraftConditions::asn>},
  {.path = "rules[].user_agent", .form = Form::condition, .kind = &kinds::agent_set, .example = "builtin",
   .help = "A set of User-Agent patterns, by name.", .store = store::condition<&DraftConditions::user_agent>},
  {.path = "rules[].methods", .form = Form::condition, .kind = &kinds::method, .example = "[REGISTER, INVITE]",
   .help = "The request's method.", .store = store::condition<&DraftConditions::methods>},
  {.path = "rules[].listener", .form = Form::condition, .kind = &kinds::text, .example = "udp://0.0.0.0:5060",
   .help = "The listener that it came in on, by name.", .store = store::condition<&DraftConditions::listener>},
  {.path = "rules[].transport", .form = Form::condition, .kind = &kinds::transport, .example = "udp",
   .help = "The transport that it came in on.", .store = store::condition<&DraftConditions::transport>},
  {.path = "rules[].from_user", .form = Form::condition, .kind = &kinds::glob, .example = "\"1*\"",
   .help = "The user of From.", .store = store::condition<&DraftConditions::from_user>},
  {.path = "rules[].to_user", .form = Form::condition, .kind = &kinds::glob, .example = "\"1001\"",
   .help = "The user of To.", .store = store::condition<&DraftConditions::to_user>},
  {.path = "rules[].request_user", .form = Form::condition, .kind = &kinds::glob, .example = "\"00*\"",
   .help = "The user of the Request-URI.", .store = store::condition<&DraftConditions::request_user>},
  {.path = "rules[].registered", .form = Form::condition, .kind = &kinds::on_off, .example = "false",
   .help = "Whether the flow carries a live registration.", .store = store::condition<&DraftConditions::registered>},
  {.path = "rules[].unless", .form = Form::map, .filled = true, .like = "rules[]",
   .help = "The same conditions again; the rule does not match where all of these hold.", .begin = store::begin_unless},
  {.path = "rules[].action", .kind = &kinds::word, .words = "allow drop reject ban", .required = true, .example = "drop",
   .help = "`drop` is silence, `reject` an answer with `status`, `ban` silence for `ban_time`; over UDP, a source that has not proved itself is silenced for at most a minute, renewed by new evidence.", .store = store::rule_action},
  {.path = "rules[].status", .kind = &kinds::integer, .range = refusals, .standard = "403",
   .help = "Of `reject`: the answer.", .store = store::rule_status},
  {.path = "rules[].ban_time", .kind = &kinds::duration, .range = times, .standard = "1h",
   .help = "Of `ban`: for how long. Over UDP, a source that has not proved itself is silenced for at most a minute, renewed by new evidence.", .store = store::rule_ban_time},
  {.path = "rules[].log_only", .kind = &kinds::on_off, .standard = "off",
   .help = "Shadow mode: what the rule would have done is counted and logged, and the next rule is asked.", .store = store::rule_log_only},
  {.path = "builtin_scanners", .kind = &kinds::on_off, .standard = "on",
   .help = "A last rule of Postern's own: known scanners are banned, as `action: ban` does it.",
   .store = store::set<&Config::policy, &acl::PolicyOptions::builtin_scanners, bool>},
  {.path = "default_action", .kind = &kinds::word, .words = "allow drop reject ban", .standard = "allow",
   .help = "What happens to a request that no rule matches; here `ban` is the same as `drop`.", .store = store::default_action},

  {.path = "device_groups", .form = Form::map, .help = "Names for groups of devices."},
  {.path = "device_groups.*[]", .kind = &kinds::glob, .names = &kinds::name, .single = true, .filled = true,
   .example = "[\"T2_*\", kx83hd]", .help = "Users, with * and ? as in a shell. VitalPBX's tenants are `T<n>_<extension>`.", .store = store::device_group},
  {.path = "devices", .form = Form::map,
   .help = "Per device or group: from where it may come. A device's own entry goes before groups and patterns, those in their order. Neither an `allow` rule nor `trusted` opens what it closes; what is refused is answered 403."},
  {.path = "devices.*", .form = Form::map, .names = &kinds::glob, .filled = true,
   .help = "A user, a shell pattern or a group's name. The device is the user of From (in a REGISTER: of To) and, where the request has credentials, the user of these: both must be let pass."},
  {.path = "devices.*.permit[]", .kind = &kinds::network_ref, .single = true, .filled = true, .example = "[office]",
   .help = "Networks that it may come from; from all others it may not. Where `deny` holds the address too, the most specific network decides, of two that are equal `deny`.", .store = store::device_permit},
  {.path = "devices.*.deny[]", .kind = &kinds::network_ref, .single = true, .filled = true, .example = "[10.8.66.0/24]",
   .help = "Networks that it may not come from; without `permit` it may from all others.", .store = store::device_deny},
  {.path = "devices.*.listeners[]", .kind = &kinds::text, .single = true, .filled = true, .example = "[udp://0.0.0.0:5060]",
   .help = "Listeners that it may use, by name.", .store = store::device_listener},
  {.path = "devices.*.extension", .kind = &kinds::user, .example = "\"101\"",
   .help = "Its extension, where that is not its user.", .store = store::device_extension},
  {.path = "registered_only[]", .kind = &kinds::method, .single = true, .example = "[SUBSCRIBE, PUBLISH, MESSAGE]",
   .help = "Methods that outside a dialog are served for registered flows and trusted sources alone; anybody else gets 403.",
   .store = store::registered_only},
  {.path = "emergency[]", .kind = &kinds::digits, .single = true, .standard = "[\"112\", \"911\", \"999\", \"000\"]",
   .help = "Numbers that from registered flows and `trusted` pass every rule, device entry, ban and limit, three calls in 10 s for each source and 10/s in all; each is logged as a warning. `tel:` URIs of them and `urn:service:sos` (which dials the first) are such calls too. `[]`: none.",
   .begin = store::begin_numbers<&Draft::emergency>, .store = store::number<&Draft::emergency>},
  {.path = "emergency_prefixes[]", .kind = &kinds::digits, .single = true, .example = "[\"0\", \"9\"]",
   .help = "Digits for an outside line that may stand before them.",
   .begin = store::begin_numbers<&Draft::emergency_prefixes>, .store = store::number<&Draft::emergency_prefixes>},

  {.path = "limits", .form = Form::map,
   .help = "Token buckets: so many a time, and so many at once after silence. A key that is not written keeps its default.", .begin = store::begin_limits},
  {.path = "limits.per_source", .form = Form::value_or_map, .words = "off",
   .help = "All messages of one IPv4 address or IPv6 /64. What phones prove to be theirs has it once for each phone of an address.", .store = store::limit<&sbc::LimitsOptions::per_source>},
  {.path = "limits.per_source.rate", .kind = &kinds::rate, .range = rate_range, .standard = "50/s",
   .help = "Messages in a time.", .store = store::limit_rate<&sbc::LimitsOptions::per_source>},
  {.path = "limits.per_source.burst", .kind = &kinds::integer, .range = count_range, .standard = "100",
   .help = "Messages at once.", .store = store::limit_burst<&sbc::LimitsOptions::per_source>},
  {.path = "limits.per_source_methods", .form = Form::value_or_map, .words = "off",
   .standard = "{REGISTER: {rate: 5/s, burst: 20}, INVITE: {rate: 5/s, burst: 20}}", .help = "Requests of one method from one source. REGISTER and INVITE keep their defaults unless they are written or switched `off`.",
   .store = store::methods_off},
  {.path = "limits.per_source_methods.*", .form = Form::value_or_map, .words = "off", .names = &kinds::method,
   .help = "A method's name. REGISTER and INVITE may be given `rate` or `burst` alone and keep the default of the other; any other method needs `rate`.", .begin = store::begin_method_rate<&Draft::method_rates>, .store = store::method_off<&Draft::method_rates>},
  {.path = "limits.per_source_methods.*.rate", .kind = &kinds::rate, .range = rate_range, .example = "5/s",
   .help = "Requests in a time.", .store = store::method_rate<&Draft::method_rates>},
  {.path = "limits.per_source_methods.*.burst", .kind = &kinds::integer, .range = count_range, .example = "20",
   .help = "Requests at once. Not written: REGISTER and INVITE keep 20, any other method gets one second's worth and at least 1. A phone that is asked for a password sends its request twice: at least 2.", .store = store::method_burst<&Draft::method_rates>},
  {.path = "limits.per_device", .form = Form::value_or_map, .words = "off", .standard = "{INVITE: {rate: 30/m, burst: 30}}",
   .help = "Requests of one device, by method, from whatever addresses: those that the PBX takes from it, so that what others send in its name spends nothing of it. `off` here leaves `calls_per_hour` as it is.", .store = store::device_limits_off},
  {.path = "limits.per_device.calls_per_hour", .kind = &kinds::integer, .range = hour_range, .words = "off", .standard = "off",
   .help = "Calls that it makes in an hour, each counted once when the PBX takes it.", .store = store::count_limit<&sbc::LimitsOptions::calls_per_hour>},
  {.path = "limits.per_device.*", .form = Form::value_or_map, .words = "off", .names = &kinds::method,
   .help = "A method's name. INVITE may be given `rate` or `burst` alone and keeps the default of the other; any other method needs `rate`.",
   .begin = store::begin_method_rate<&Draft::device_rates>, .store = store::method_off<&Draft::device_rates>},
  {.path = "limits.per_device.*.rate", .kind = &kinds::rate, .range = rate_range, .example = "30/m",
   .help = "Requests in a time.", .store = store::method_rate<&Draft::device_rates>},
  {.path = "limits.per_device.*.burst", .kind = &kinds::integer, .range = count_range, .example = "30",
   .help = "Requests at once. Not written: INVITE keeps 30, any other method gets one second's worth and at least 1.", .store = store::method_burst<&Draft::device_rates>},
  {.path = "limits.unknown_sources", .form = Form::value_or_map, .words = "off",
   .help = "All sources together that have not yet proved themselves.", .store = store::limit<&sbc::LimitsOptions::unknown_sources>},
  {.path = "limits.unknown_sources.rate", .kind = &kinds::rate, .range = rate_range, .standard = "2000/s",
   .help = "Messages in a time.", .store = store::limit_rate<&sbc::LimitsOptions::unknown_sources>},
  {.path = "limits.unknown_sources.burst", .kind = &kinds::integer, .range = count_range, .standard = "4000",
   .help = "Messages at once.", .store = store::limit_burst<&sbc::LimitsOptions::unknown_sources>},
  {.path = "limits.pbx", .form = Form::value_or_map, .words = "off", .help = "What the PBX is ever asked to take.",
   .store = store::limit<&sbc::LimitsOptions::pbx>},
  {.path = "limits.pbx.rate", .kind = &kinds::rate, .range = rate_range, .standard = "1000/s",
   .help = "Requests in a time.", .store = store::limit_rate<&sbc::LimitsOptions::pbx>},
  {.path = "limits.pbx.burst", .kind = &kinds::integer, .range = count_range, .standard = "2000",
   .help = "Requests at once.", .store = store::limit_burst<&sbc::LimitsOptions::pbx>},
  {.path = "limits.connections_per_source", .kind = &kinds::integer, .range = {1, 65'535}, .words = "off", .standard = "32",
   .help = "TCP, TLS and WebSocket connections of one IPv4 address or IPv6 /64 at a time; trusted networks may have more.", .store = store::count_limit<&sbc::LimitsOptions::connections_per_source>},
  {.path = "limits.concurrent_calls", .form = Form::value_or_map, .words = "off", .standard = "off",
   .help = "Calls at the same time, ringing ones included. Only a call that a device makes is refused; one that the PBX makes never is.", .store = store::concurrent_calls_off},
  {.path = "limits.concurrent_calls.total", .kind = &kinds::integer, .range = count_range, .words = "off", .example = "500",
   .help = "All together; one more is answered 503 with Retry-After, which phones with a second server ask that one for.", .store = store::count_limit<&sbc::LimitsOptions::concurrent_calls>},
  {.path = "limits.concurrent_calls.per_device", .kind = &kinds::integer, .range = count_range, .words = "off", .example = "4",
   .help = "Those that one device makes; one more is answered 486, so that the phone says \"busy\".", .store = store::count_limit<&sbc::LimitsOptions::concurrent_calls_per_device>},
  {.path = "limits.tracked_sources", .kind = &kinds::integer, .range = {16, 100'000'000}, .held = true, .standard = "1000000",
   .help = "The bound of the tables of sources.", .store = store::tracked_sources},

  {.path = "jail", .form = Form::value_or_map, .words = "off",
   .help = "Who is kept out for what he does, in fail2ban's words. What only bears an address (a UDP packet that proves nothing) silences it for at most a minute, and never where phones are registered; what is proven bans the address, or first the account there, where other phones are registered ([more](operations.md#the-jail)).", .store = store::jail_off},
  {.path = "jail.max_retry", .kind = &kinds::integer, .range = {1, 100'000}, .standard = "5",
   .help = "Failed authentications (credentials that the PBX refuses; the first challenge is none), or calls to destinations that are refused, before the ban.",
   .store = store::jail_number<&sbc::JailLimit::max_retry>},
  {.path = "jail.find_time", .kind = &kinds::duration, .range = times, .standard = "10m",
   .help = "The time in which they count, from the first one on.", .store = store::jail_time<&sbc::JailLimit::find_time>},
  {.path = "jail.ban_time", .kind = &kinds::duration, .range = times, .standard = "1h",
   .help = "How long the first ban lasts.", .store = store::jail_ban_time},
  {.path = "jail.ban_time_increment", .form = Form::value_or_map, .words = "off",
   .help = "Each further ban of an address lasts longer, unless phones were accepted from there: others share it.", .store = store::jail_increment_off},
  {.path = "jail.ban_time_increment.factor", .kind = &kinds::integer, .range = {1, 100}, .standard = "4",
   .help = "So many times as long as the one before.", .store = store::jail_increment_factor},
  {.path = "jail.ban_time_increment.max", .kind = &kinds::duration, .range = times, .standard = "30d",
   .help = "And at most so long. For so long after its end a ban is remembered, too.", .store = store::jail_increment_max},
  {.path = "jail.unknown_users", .form = Form::value_or_map, .words = "off",
   .help = "Enumeration: different users tried by a source from which none was ever accepted.", .store = store::jail_limit_off<&sbc::JailOptions::unknown_users>},
  {.path = "jail.unknown_users.max_retry", .kind = &kinds::integer, .range = {1, 100}, .standard = "10",
   .help = "So many before the ban.", .store = store::jail_limit_number<&sbc::JailOptions::unknown_users>},
  {.path = "jail.unknown_users.find_time", .kind = &kinds::duration, .range = times, .standard = "10m",
   .help = "The time in which they count.", .store = store::jail_limit_time<&sbc::JailOptions::unknown_users>},
  {.path = "jail.malformed", .form = Form::value_or_map, .words = "off", .help = "Broken messages, and handshakes that fail.",
   .store = store::jail_limit_off<&sbc::JailOptions::malformed>},
  {.path = "jail.malformed.max_retry", .kind = &kinds::integer, .range = {1, 100'000}, .standard = "20",
   .help = "So many before the ban.", .store = store::jail_limit_number<&sbc::JailOptions::malformed>},
  {.path = "jail.malformed.find_time", .kind = &kinds::duration, .range = times, .standard = "1m",
   .help = "The time in which they count.", .store = store::jail_limit_time<&sbc::JailOptions::malformed>},
  {.path = "jail.score", .form = Form::value_or_map, .words = "off",
   .help = "What speaks for a scanner is summed: the form of a request and what its source does ([the signs](operations.md#the-scanner-score)).",
   .store = store::score_off},
  {.path = "jail.score.ban", .kind = &kinds::integer, .range = {1, 100'000}, .standard = "100",
   .help = "The sum that bans.", .store = store::score_ban},
  {.path = "jail.trap_extensions[]", .kind = &kinds::glob, .single = true, .example = "[\"8888\", admin]",
   .help = "Users that nobody legit calls or registers, with * and ? as in a shell: whoever does is banned at once (`jail: off` or not).", .store = store::trap_extension},

  {.path = "calls", .form = Form::map,
   .help = "Class of service: which device may call what ([how](operations.md#class-of-service)). Without it every destination passes; with it, none that `allow` does not name, whatever the rules and `trusted` say. It judges calls and the targets of transfers (REFER).", .begin = store::begin_calls},
  {.path = "calls.classes", .form = Form::map,
   .help = "Names for classes of numbers. A number is of one class: that of its most specific pattern, as Asterisk orders them."},
  {.path = "calls.classes.*[]", .kind = &kinds::dial_pattern, .names = &kinds::name, .single = true, .filled = true,
   .example = "[\"0ZXXXXXXXX\"]",
   .help = "Numbers in Asterisk's pattern letters: X is 0-9, Z 1-9, N 2-9, `[13-5]` one of these, `.` at the end one digit or letter or more, `!` none or more. `+` in front of a number is read as 00; `-`, `.`, brackets and blanks in it are passed over.", .store = store::dial_pattern},
  {.path = "calls.allow[]", .form = Form::map,
   .help = "Who may call what. One entry that matches and has the class is enough; one that lacks it does not end the search.", .begin = store::begin_allowance},
  {.path = "calls.allow[].source[]", .kind = &kinds::network_ref, .single = true, .filled = true, .example = "office",
   .help = "Networks that the caller is in; without it, any.", .begin = store::begin_allowed_source, .store = store::allowed_source},
  {.path = "calls.allow[].device[]", .kind = &kinds::glob, .single = true, .filled = true, .example = "\"1*\"",
   .help = "Devices, by user, shell pattern or group; without it, any. The user is that of From and, with a password, that of the credentials too: both must be allowed.", .store = store::allowed<&DraftAllowance::devices>},
  {.path = "calls.allow[].classes[]", .kind = &kinds::name, .single = true, .filled = true, .required = true, .example = "[national]",
   .help = "What they may call.", .store = store::allowed<&DraftAllowance::classes>},
  {.path = "calls.deny_status", .kind = &kinds::integer, .range = refusals, .standard = "603",
   .help = "The answer to the others.", .store = store::deny_status},

  {.path = "keepalive", .kind = &kinds::duration, .range = times, .words = "off", .standard = "25s",
   .help = "OPTIONS to devices on UDP behind NAT that were not heard for so long: the NAT keeps its mapping.", .store = store::keepalive},
  {.path = "redirects", .kind = &kinds::word, .words = "block internal", .standard = "block",
   .help = "What becomes of the 3xx by which a phone sends a call on. `block`: the PBX gets 480. `internal`: the PBX is sent to that user at its own `domain`, if `calls` allows the phone to call it; else it gets 480.", .store = store::redirects},
  {.path = "weak_passwords", .kind = &kinds::word, .words = "report refuse off", .standard = "report",
   .help = "What becomes of an account whose password can be guessed: the digests that the PBX accepts are tried against user name, extension, domain, rows of digits and common passwords; the password itself is never known or kept. `refuse` answers such credentials with 403 until the password has been changed ([more](operations.md#weak-passwords)).", .store = store::weak_passwords},
  {.path = "enforce", .kind = &kinds::on_off, .standard = "on",
   .help = "`off` is shadow mode, for the first week: rules, jail and limits count and log what they would have done, and do nothing; `devices`, `calls` and `limits.pbx` hold ([more](operations.md#shadow-mode)).", .store = store::enforce},
  {.path = "kernel", .kind = &kinds::word, .words = "off nftables xdp", .standard = "off",
   .help = "`nftables`: proven bans also stand in a set of the kernel's firewall, for the listeners' ports alone ([what it needs](operations.md#bans-in-the-kernel)). `xdp` has no effect yet.", .store = store::kernel},
  {.path = "hep", .kind = &kinds::hep_address, .example = "udp://10.0.0.9:9060",
   .help = "The capture server, such as Homer, that gets a copy (HEP3) of each message that passes, and of refused ones up to a rate ([what it sees](operations.md#homer-hep)). Port 9060 unless written.", .store = store::hep},
  {.path = "alerts", .form = Form::map, .help = "Who is told at once that the PBX is down or up again, that a source is banned or an account blocked, that a call was denied, goes to a new country or calls for help, that a password can be guessed, that a certificate ends or a database of countries is old ([more](operations.md#alerts)). `postern alerts test` tries it.", .begin = store::begin_alerts},
  {.path = "alerts.webhook", .kind = &kinds::http_url, .example = "\"https://hooks.example.com/postern\"",
   .help = "Each alert is posted to this URL as JSON. Over https the server's certificate must be of its host and of an authority that the system trusts.", .store = store::alerts_webhook},
  {.path = "alerts.command", .kind = &kinds::path, .example = "/usr/local/bin/page-me", .help = "This program is run for each alert, by the user that Postern runs as and without a shell: the JSON is on its standard input, the kind in POSTERN_ALERT, the text in POSTERN_MESSAGE. It has 30 s.", .store = store::alerts_command},
  {.path = "alerts.min_interval", .kind = &kinds::duration, .range = times, .standard = "5m",
   .help = "So long after an alert further ones of its kind are counted, and told together at its end. What concerns the PBX is told at once, and so are emergency calls that cannot be forged.", .store = store::alerts_min_interval},
  {.path = "policy_tests[]", .form = Form::map,
   .help = "Verdicts that `check` and each reload must find: each is a request, judged as `explain` judges it.", .begin = store::begin_policy_test},
  {.path = "policy_tests[].name", .kind = &kinds::text, .example = "the office registers",
   .help = "Shown where it fails.", .store = store::test_name},
  {.path = "policy_tests[].source", .kind = &kinds::source, .required = true, .example = "203.0.113.7",
   .help = "The address that asks, perhaps with a port.", .store = store::test_source},
  {.path = "policy_tests[].transport", .kind = &kinds::transport, .example = "udp",
   .help = "The transport that it comes in on; without it, the listener's.", .store = store::test_transport},
  {.path = "policy_tests[].listener", .kind = &kinds::text, .example = "udp://0.0.0.0:5060",
   .help = "The listener that it comes in on, by name; without it, the first that fits.", .store = store::test_listener},
  {.path = "policy_tests[].method", .kind = &kinds::method, .required = true, .example = "REGISTER",
   .help = "The request's method.", .store = store::test_sketch<&sbc::RequestSketch::method>},
  {.path = "policy_tests[].from", .kind = &kinds::text, .example = "sip:1001@sip.example.com",
   .help = "The URI of From; without it, one that has no user.", .store = store::test_sketch<&sbc::RequestSketch::from>},
  {.path = "policy_tests[].to", .kind = &kinds::text, .example = "sip:1002@sip.example.com",
   .help = "The URI of To; without it, one that has no user (of a REGISTER: From).", .store = store::test_sketch<&sbc::RequestSketch::to>},
  {.path = "policy_tests[].request_uri", .kind = &kinds::text, .example = "sip:1002@sip.example.com",
   .help = "The Request-URI; without it, To (of a REGISTER: To without its user).", .store = store::test_sketch<&sbc::RequestSketch::request_uri>},
  {.path = "policy_tests[].user_agent", .kind = &kinds::text, .example = "friendly-scanner",
   .help = "The text of User-Agent; without it, the request has none.", .store = store::test_sketch<&sbc::RequestSketch::user_agent>},
  {.path = "policy_tests[].registered", .kind = &kinds::on_off, .standard = "off",
   .help = "Whether the flow carries a live registration.", .store = store::test_registered},
  {.path = "policy_tests[].expect", .kind = &kinds::integer, .range = refusals, .words = "allow drop reject ban", .required = true,
   .example = "allow", .help = "The verdict, or the status of the answer that refuses it.", .store = store::test_expect},

  {.path = "state", .kind = &kinds::path, .held = true, .standard = "/var/lib/postern", .help = "The folder of what outlives a restart: keys, registrations, bans, trust; created with mode 0700. It belongs to the user that Postern runs as, and to one Postern alone.",
   .store = store::set<&Config::shell, &net::ShellOptions::state, std::string>},
  {.path = "control", .form = Form::value_or_map, .held = true, .scalar_is = "path",
   .help = "The socket that the operator's commands (`postern registrations`, `postern calls`) talk to. Its mode is 0660."},
  {.path = "control.path", .kind = &kinds::path, .held = true, .standard = "/run/postern/control.sock",
   .help = "Where it is, in a folder that nobody but the user that Postern runs as, or root, can write into.", .store = store::control_path},
  {.path = "control.group", .kind = &kinds::name, .held = true, .example = "adm",
   .help = "The group whose members may use it, by name; the user that Postern runs as must be a member. Without it, that user's own group.",
   .store = store::control_group},
  {.path = "admin", .kind = &kinds::http_listener, .words = "off", .standard = "http://127.0.0.1:9460",
   .help = "Where /metrics, /healthz and /readyz are served, without a password: keep it on a loopback or management address.", .store = store::admin},
  {.path = "log", .form = Form::map, .help = "What is written to the log."},
  {.path = "log.format", .kind = &kinds::word, .words = "text json", .standard = "text", .help = "key=value, or an object a line.",
   .store = store::log_format},
  {.path = "log.level", .kind = &kinds::word, .words = "debug info warning error", .standard = "info",
   .help = "The least that is written.", .store = store::log_level},
  {.path = "workers", .kind = &kinds::integer, .range = worker_range, .words = "auto", .held = true, .standard = "1",
   .help = "Threads that handle packets; `auto` is one for each core, up to 64. Each further one talks to the PBX from the next port behind that of `pbx.bind`, which the PBX and its firewall must let pass ([more](operations.md#several-workers)).",
   .store = store::workers},
};
// clang-format on

const Row root{.path = "", .form = Form::map, .help = "The file."};

/// The path of the row that `row` stands below.
std::string_view parent_path(const Row& row) {
  std::string_view path = row.path;
  if (row.is_list()) path.remove_suffix(2);
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
}

std::vector<const Row*> rows_below(const Row& row) {
  std::vector<const Row*> found;
  for (const Row& candidate : table) {
    const std::string_view parent = parent_path(candidate);
    const bool own = parent == row.path;
    const bool borrowed = !row.like.empty() && parent == row.like && candidate.form == Form::condition;
    if (own || borrowed) found.push_back(&candidate);
  }
  return found;
}

}  // namespace

std::string_view Row::key() const {
  std::string_view last = path;
  if (is_list()) last.remove_suffix(2);
  const std::size_t dot = last.rfind('.');
  return dot == std::string_view::npos ? last : last.substr(dot + 1);
}

std::span<const Row> schema() { return table; }

const Row& root_row() { return root; }

const std::vector<const Row*>& children(const Row& row) {
  static const auto index = [] {
    std::map<std::string_view, std::vector<const Row*>> all;
    all[root.path] = rows_below(root);
    for (const Row& each : table) all[each.path] = rows_below(each);
    return all;
  }();
  return index.at(row.path);
}

}  // namespace postern::config
