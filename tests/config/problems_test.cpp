// What is wrong, where, and in which words.
#include <gmock/gmock.h>

#include "tests/config/support.hpp"

namespace postern::config::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Problems, AllOfAFileAtOnceInItsOrder) {
  const std::string text =
      "listeners:\n"
      "  - udp://127.0.0.1:5060\n"
      "  - address: udp://127.0.0.1:70000\n"
      "    nmae: public\n"
      "pbx: {address: udp://pbx.example.com, timeout: 4}\n"
      "rules:\n"
      "  - name: first\n"
      "    methods: [REGSTER]\n"
      "    action: reject\n"
      "    status: 200\n"
      "  - {source: 10.0.0.0/33, action: dorp}\n"
      "limts: {}\n";
  EXPECT_THAT(problems_of(text),
              ElementsAre("3:14: listeners[1].address: the port must be between 1 and 65535, got 70000",
                          "4:5: listeners[1].nmae: unknown key; did you mean \"name\"?",
                          "5:16: pbx.address: must be an address, names are not resolved; got \"udp://pbx.example.com\"",
                          "5:48: pbx.timeout: must be a duration such as 500ms, 30s, 10m, 1h or 7d, got \"4\"; did you mean \"4s\"?",
                          "8:15: rules[0].methods[0]: \"REGSTER\" is no SIP method known here; did you mean \"REGISTER\"?",
                          "10:13: rules[0].status: must be between 400 and 699, got 200",
                          "11:14: rules[1].source: must be a network, an address or the name of one, got \"10.0.0.0/33\"",
                          "11:35: rules[1].action: must be `allow` or `drop` or `reject` or `ban`, got \"dorp\"; did you mean \"drop\"?",
                          "12:1: limts: unknown key; did you mean \"limits\"?"));
}

/// Counted beyond the last port they met the listener's.
TEST(Problems, PortsOfWorkersThatAreNone) {
  EXPECT_THAT(problems_of("listeners: [udp://127.0.0.1:10]\npbx: {address: udp://127.0.0.1:15060, bind: 127.0.0.1:65535}\nworkers: 64\n"),
              ElementsAre("3:10: workers: 64 workers need as many ports from 65535 on, and there is none behind 65535"));
}

TEST(Problems, RepeatedKeysNameBothLines) {
  EXPECT_THAT(problems_with("state: /a\nstate: /b\n"), ElementsAre("4:1: state: repeated key; it stands in line 3 already"));
  EXPECT_THAT(problems_with("rules:\n  - action: drop\n    source: 192.0.2.1\n    action: allow\n"),
              ElementsAre("6:5: rules[0].action: repeated key; it stands in line 4 already"));
}

TEST(Problems, NamesThatAreNotThereComeWithASuggestion) {
  const std::string text =
      "networks: {office: [192.0.2.0/24]}\n"
      "user_agents: {scanners: [\"^evil\"]}\n"
      "trusted: offcie\n"
      "rules:\n"
      "  - {user_agent: scaners, action: drop}\n"
      "  - {listener: \"udp://127.0.0.1:506\", source: {not: [office, offic]}, action: drop}\n";
  EXPECT_THAT(problems_with(text),
              ElementsAre("5:10: trusted: no network is named \"offcie\"; did you mean \"office\"?",
                          "7:18: rules[0].user_agent: no set of user_agents is named \"scaners\"; did you mean \"scanners\"?",
                          "8:16: rules[1].listener: no listener is named \"udp://127.0.0.1:506\"; did you mean \"udp://127.0.0.1:5060\"?",
                          "8:62: rules[1].source.not[1]: no network is named \"offic\"; did you mean \"office\"?"));
}

TEST(Problems, CountriesAreThoseThatAreAssigned) {
  const std::string geo = "geo: {country: none.mmdb}\n";
  for (const auto& [written, meant] : {std::pair{"UK", "GB"}, {"priate", "private"}, {"USA", "US"}}) {
    const auto problems = problems_with(geo + "rules: [{country: " + written + ", action: drop}]\n");
    ASSERT_EQ(problems.size(), 2U);
    EXPECT_THAT(problems[1], ::testing::HasSubstr(std::string("did you mean \"") + meant)) << written;
  }
}

TEST(Problems, AnAddressWithoutItsScheme) {
  const auto problems = problems_of("listeners: [0.0.0.0:5060]\npbx: sip:127.0.0.1:15060\nadmin: 127.0.0.1:9460\n");
  ASSERT_EQ(problems.size(), 3U);
  EXPECT_THAT(problems[0], ::testing::EndsWith("got \"0.0.0.0:5060\"; did you mean \"udp://0.0.0.0:5060\"?"));
  EXPECT_THAT(problems[1], ::testing::EndsWith("; did you mean \"udp://127.0.0.1:15060\"?"));
  EXPECT_THAT(problems[2], ::testing::EndsWith("; did you mean \"http://127.0.0.1:9460\"?"));
}

TEST(Problems, WhoTrustsEverybodyIsWarned) {
  EXPECT_THAT(
      problems_with("trusted: [192.0.2.0/24, 0.0.0.0/0]\n"),
      ElementsAre("3:25: trusted[1]: warning: 0.0.0.0/0 is everybody: no scanner is banned, and strangers are answered as phones are"));
}

TEST(Problems, RegisterForRegisteredFlowsAloneIsWarned) {
  EXPECT_THAT(
      problems_with("registered_only: [MESSAGE, REGISTER]\n"),
      ElementsAre("3:28: registered_only[1]: warning: nobody can register any more, but from `trusted`: the first REGISTER of a phone "
                  "comes from no registered flow"));
  EXPECT_THAT(problems_with("registered_only: [SUBSCRIBE, PUBLISH, MESSAGE]\n"), IsEmpty());
}

TEST(Problems, WhatThisVersionDoesNotDo) {
  EXPECT_THAT(problems_with("trunks: [{name: voipco, address: \"udp://sip.voipco.example\"}]\n"),
              ElementsAre("3:1: trunks: warning: has no effect in this version"));
  EXPECT_THAT(problems_of("listeners: [wss://127.0.0.1]\npbx: udp://127.0.0.1:15060\n"),
              ElementsAre("1:13: listeners[0]: wss:// needs `tls` with `certificate` and `private_key`"));
}

TEST(Problems, TheCaptureServerIsAnAddressOfOurs) {
  EXPECT_THAT(problems_with("hep: udp://10.0.0.9:9060\n"), IsEmpty());
  EXPECT_THAT(problems_with("hep: udp://192.0.2.9\n"),
              ElementsAre(HasSubstr("3:6: hep: warning: is no private address: the copies are not encrypted")));
  EXPECT_THAT(problems_with("hep: tcp://10.0.0.9:9060\n"),
              ElementsAre("3:6: hep: must be a URL such as udp://10.0.0.9:9060, got \"tcp://10.0.0.9:9060\""));
  EXPECT_THAT(problems_with("hep: udp://homer.example\n"), ElementsAre(HasSubstr("must be an address, names are not resolved")));
  EXPECT_THAT(problems_with("hep: udp://[::]:9060\n"), ElementsAre(HasSubstr("nobody can reach a wildcard address")));
}

TEST(Problems, AStreamThatComesBackIsALoopAndADatagramsPortIsNone) {
  const std::string loop = "is the listener \"tcp://0.0.0.0:15060\" itself: what goes to the PBX would come back";
  EXPECT_THAT(problems_of("listeners: [tcp://0.0.0.0:15060]\npbx: tcp://127.0.0.1:15060\n"), ::testing::Contains(HasSubstr(loop)));
  EXPECT_THAT(problems_of("listeners: [tcp://0.0.0.0:5080]\npbx: {address: tcp://127.0.0.9:15060, bind: 127.0.0.1:5080}\n"),
              ::testing::Contains(HasSubstr("pbx.bind: is the listener \"tcp://0.0.0.0:5080\" itself; the PBX needs a port of its own")));
  EXPECT_THAT(problems_of("listeners: [udp://0.0.0.0:15060]\npbx: tcp://127.0.0.1:15060\n"),
              ::testing::Not(::testing::Contains(HasSubstr("itself"))));
}

TEST(Problems, APbxOverAStreamIsToldWhatItCosts) {
  const auto pbx = [](const std::string& text) { return problems_of("listeners: [udp://127.0.0.1:5060]\npbx: " + text + "\n"); };
  EXPECT_THAT(pbx("tcp://127.0.0.1:15060"), ElementsAre(HasSubstr("2:6: pbx: warning: over tcp:// Asterisk forgets every phone")));
  EXPECT_THAT(pbx("tls://127.0.0.1:15061"),
              ElementsAre(HasSubstr("over tls:// Asterisk forgets"), HasSubstr("2:6: pbx: warning: without `ca`")));
  EXPECT_THAT(pbx("{address: tls://127.0.0.1:15061, ca: a.pem}"), ElementsAre(HasSubstr("over tls:// Asterisk forgets")));
  EXPECT_THAT(
      pbx("{address: tcp://127.0.0.1:15060, ca: a.pem}"),
      ElementsAre(HasSubstr("over tcp:// Asterisk forgets"), HasSubstr("pbx.ca: is of tls:// alone; the PBX is reached over tcp://")));
  EXPECT_THAT(pbx("{address: udp://127.0.0.1:15060, ca: a.pem}"),
              ElementsAre(HasSubstr("pbx.ca: is of tls:// alone; the PBX is reached over udp://")));
  EXPECT_THAT(pbx("{address: [udp://127.0.0.1:15060, tcp://127.0.0.2:15060]}"),
              ElementsAre(HasSubstr("must have the transport of the first address: Postern speaks one to all")));
}

TEST(Problems, WhatIsMissing) {
  const auto problems = problems_of("state: /var/lib/postern\n");
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_TRUE(problems[0].starts_with("1:1: listeners: is missing: ")) << problems[0];
  EXPECT_TRUE(problems[1].starts_with("1:1: pbx: is missing: ")) << problems[1];
}

TEST(Problems, ActionsAndTheirWords) {
  EXPECT_THAT(
      problems_with("rules:\n  - {source: 192.0.2.1, action: drop, status: 403}\n  - {source: 192.0.2.2, action: allow, ban_time: 1h}\n"),
      ElementsAre("4:47: rules[0].status: only `action: reject` has a status",
                  "5:50: rules[1].ban_time: only `action: ban` has a ban_time"));
}

TEST(Problems, ListenersAreUnique) {
  EXPECT_THAT(problems_of("listeners:\n"
                          "  - {address: udp://127.0.0.1:5060, name: a}\n"
                          "  - {address: udp://127.0.0.1:5060, name: b}\n"
                          "  - {address: udp://127.0.0.1:5062, name: a}\n"
                          "pbx: udp://127.0.0.1:15060\n"),
              ElementsAre("3:15: listeners[1].address: the listener \"a\" has this address and port already: give one of them another port",
                          "4:43: listeners[2].name: another listener is named \"a\""));
}

TEST(Problems, TheAdminPageIsAStreamListenerToo) {
  const std::string rest = "pbx: udp://127.0.0.1:15060\nadmin: http://127.0.0.1:9000\n";
  EXPECT_THAT(problems_of("listeners: [tcp://0.0.0.0:9000]\n" + rest),
              ElementsAre("1:13: listeners[0]: the `admin` page has 127.0.0.1:9000 already: give one of them another port"));
  EXPECT_THAT(problems_of("listeners: [udp://127.0.0.1:9000]\n" + rest), IsEmpty());
}

TEST(Problems, WebOriginsAreOfWebSocketsAlone) {
  EXPECT_THAT(
      problems_of("listeners:\n  - {address: tcp://127.0.0.1:5060, origins: [https://pbx.example.com]}\npbx: udp://127.0.0.1:15060\n"),
      ElementsAre(HasSubstr("`origins` is of ws:// and wss:// alone")));
}

TEST(Problems, AnUnknownKeyOfASmallSectionIsToldWhatThereIs) {
  EXPECT_THAT(problems_of("listeners: [udp://127.0.0.1:5060]\npbx: udp://127.0.0.1:15060\nlog: {colour: red}\n"),
              ElementsAre("3:7: log.colour: unknown key; there are format, level"));
}

TEST(Problems, AWildcardTakesItsPortOnAllAddressesOfItsFamily) {
  const std::string pbx = "pbx: udp://127.0.0.1:15060\n";
  EXPECT_THAT(problems_of("listeners: [udp://0.0.0.0:5060, udp://127.0.0.1:5060]\n" + pbx),
              ElementsAre("1:33: listeners[1]: the listener \"udp://0.0.0.0:5060\" takes this address and port too"));
  EXPECT_THAT(problems_of("listeners: [udp://127.0.0.1:5060, udp://0.0.0.0:5060]\n" + pbx),
              ElementsAre("1:35: listeners[1]: the listener \"udp://127.0.0.1:5060\" takes this address and port too"));
  EXPECT_THAT(problems_of("listeners: [udp://0.0.0.0:5060, \"udp://[::]:5060\", udp://127.0.0.1:5062]\n" + pbx), IsEmpty());
}

TEST(Problems, LoopsAreErrors) {
  EXPECT_THAT(problems_of("listeners: [udp://0.0.0.0:5070]\npbx: udp://127.0.0.1:5070\n"),
              ElementsAre("2:6: pbx: is the listener \"udp://0.0.0.0:5070\" itself: what goes to the PBX would come back"));
  EXPECT_THAT(problems_of("listeners: [udp://0.0.0.0:5070]\npbx: {address: udp://127.0.0.1:15060, bind: 127.0.0.1:5070}\n"),
              ElementsAre("2:45: pbx.bind: is the listener \"udp://0.0.0.0:5070\" itself; the PBX needs a port of its own"));
  EXPECT_THAT(
      problems_of("listeners: [udp://0.0.0.0:5080]\npbx: udp://127.0.0.1:15060\n"),
      ElementsAre("2:6: pbx: without pbx.bind the PBX is talked to from port 5080, which the listener \"udp://0.0.0.0:5080\" takes"));
}

TEST(Problems, AnIpv6WildcardHearsNoIpv4) {
  EXPECT_THAT(problems_of("listeners: [\"udp://[::]:5070\"]\npbx: udp://127.0.0.1:5070\n"), IsEmpty());
  EXPECT_THAT(problems_of("listeners: [\"udp://[::]:5070\"]\npbx: {address: udp://127.0.0.1:15060, bind: 127.0.0.1:5070}\n"), IsEmpty());
  EXPECT_THAT(problems_of("listeners: [\"udp://[::]:5080\"]\npbx: udp://127.0.0.1:15060\n"), IsEmpty());
}

TEST(Problems, AddressesThatNeedTheirInterfaceAreRefusedWithAWordOfIt) {
  const std::string why = "means something on one interface only; a global or unique local address is needed";
  EXPECT_THAT(
      problems_of("listeners: [\"udp://[fe80::1]:5060\", \"udp://[fe80::1%eth0]:5060\", \"udp://[2001:db8::1%2]:5062\"]\n"
                  "pbx: {address: \"udp://[fe80::5%eth1]:15060\", bind: \"[febf::2]:5080\"}\n"),
      ElementsAre("1:13: listeners[0]: fe80::1 " + why, "1:37: listeners[1]: fe80::1%eth0 " + why,
                  "1:66: listeners[2]: 2001:db8::1%2 " + why, "2:16: pbx.address: fe80::5%eth1 " + why, "2:52: pbx.bind: febf::2 " + why));
}

TEST(Problems, TheAddressesOfThePbxAreOfOneFamily) {
  EXPECT_THAT(
      problems_of("listeners: [udp://127.0.0.1:5070]\npbx: {address: [udp://127.0.0.1:15060, \"udp://[::1]:15060\"]}\n"),
      ::testing::Contains("2:40: pbx.address[1]: must be of the same family (IPv4 or IPv6) as the first address: one socket talks to all"));
}

TEST(Problems, EachAddressOfThePbxIsAHostOfItsOwn) {
  const std::string why = "10.0.0.5 is in line 2 already: give each address of the PBX an IP address of its own";
  EXPECT_THAT(problems_of("listeners: [udp://127.0.0.1:5070]\n"
                          "pbx: {address: [udp://10.0.0.5:15060, udp://10.0.0.6:15060, udp://10.0.0.5:15070, udp://10.0.0.5:15060]}\n"),
              ::testing::IsSupersetOf({"2:61: pbx.address[2]: " + why, "2:83: pbx.address[3]: " + why}));
}

TEST(Problems, AddressesOfOthersAreWarnings) {
  // 192.0.2.0/24 is for documentation (RFC 5737): no host has it.
  const LoadResult result = load("listeners: [udp://192.0.2.1:5060]\npbx: udp://127.0.0.1:15060\n");
  EXPECT_TRUE(result.ok());
  EXPECT_THAT(problems_of(result), ElementsAre("1:13: listeners[0]: warning: this host does not have the address 192.0.2.1"));
}

TEST(Problems, DefaultPortsOfAPbxAreWarnings) {
  EXPECT_THAT(problems_of("listeners: [udp://127.0.0.1:5070]\npbx: udp://127.0.0.1\n"),
              ElementsAre("2:6: pbx: warning: 5060 is a default port; a hidden PBX listens on another"));
}

TEST(Problems, ConditionsNeedTheirDatabases) {
  EXPECT_THAT(problems_with("rules:\n  - {country: US, asn: 1221, action: drop}\n"),
              ElementsAre("4:15: rules[0].country: a condition on country needs the database geo.country",
                          "4:24: rules[0].asn: a condition on asn needs the database geo.asn"));
}

TEST(Problems, FilesThatAreNotThere) {
  EXPECT_THAT(problems_with("networks: {blocked: {file: lists/none.txt}}\n"),
              ElementsAre("3:28: networks.blocked.file: /nowhere/lists/none.txt: cannot open: No such file or directory"));
  const LoadResult result = load_file("/nowhere/p.yaml");
  EXPECT_EQ(result.problems.at(0).to_string(), "/nowhere/p.yaml:1:1: (file): cannot open: No such file or directory");
}

TEST(Problems, PatternsAreCompiled) {
  EXPECT_THAT(problems_with("user_agents: {bad: [\"^good\", \"(\", \"(a\"], worse: \")\"}\n"),
              ElementsAre(HasSubstr("3:30: user_agents.bad[1]: pattern '('"), HasSubstr("3:35: user_agents.bad[2]: pattern '(a'"),
                          HasSubstr("user_agents.worse: pattern ')'")));
}

TEST(Problems, PrintedTextIsHarmless) {
  const auto problems = problems_with("\"a\\e[31m\": 1\n");
  EXPECT_THAT(problems, ElementsAre("3:1: a\\x1b[31m: unknown key"));
}

TEST(Problems, AsJson) {
  EXPECT_EQ(to_json({}), "[]\n");
  const std::string json = to_json({{"f", 2, 3, "a.b", Severity::warning, "w\"x"}});
  EXPECT_EQ(json,
            "[\n  {\n    \"file\": \"f\",\n    \"line\": 2,\n    \"column\": 3,\n    \"path\": \"a.b\",\n    \"severity\": \"warning\",\n"
            "    \"message\": \"w\\\"x\"\n  }\n]\n");
}

TEST(Problems, ValuesBelowABadKeyAreCheckedToo) {
  EXPECT_THAT(problems_with("limits:\n  per_source_methods: {FOO: {rate: bla, burst: -1}, PUBLISH: {rate: bla}, INVITE: {burst: x}}\n"),
              ElementsAre("4:24: limits.per_source_methods.FOO: as a key: \"FOO\" is no SIP method known here",
                          "4:36: limits.per_source_methods.FOO.rate: must be a rate such as 50/s, 30/m or 10/h, got \"bla\"",
                          "4:48: limits.per_source_methods.FOO.burst: must be between 1 and 10000000, got -1",
                          "4:69: limits.per_source_methods.PUBLISH.rate: must be a rate such as 50/s, 30/m or 10/h, got \"bla\"",
                          "4:91: limits.per_source_methods.INVITE.burst: must be a whole number, got \"x\""));
  EXPECT_THAT(problems_with("networks: {\"a b\": [300.0.0.0/8], \"c d\": {file: 5, nmae: 1}}\n"),
              ElementsAre(HasSubstr("networks.a b: as a key"), HasSubstr("networks.a b[0]: must be"), HasSubstr("networks.c d: as a key"),
                          HasSubstr("networks.c d.nmae: unknown key")));
}

TEST(Problems, OnlySoManyBadPatternsAreCompiled) {
  std::string list = "\"(\"";
  for (int i = 0; i < 30; ++i) list += ", \"(\"";
  const auto problems = problems_with("user_agents: {a: [" + list + "], b: [" + list + "]}\n");
  ASSERT_EQ(problems.size(), 11U);
  EXPECT_THAT(problems, ::testing::Contains(HasSubstr("no further pattern was looked at")));
}

TEST(Problems, ABurstOfOneIsTooLittleForAPassword) {
  const std::string warning = "warning: burst 1: a phone that is asked for a password needs two, as it sends its request twice";
  EXPECT_THAT(problems_with("limits: {per_source_methods: {SUBSCRIBE: {rate: 30/m}, OPTIONS: {rate: 30/m}, PUBLISH: {rate: 2/s}}}\n"),
              ElementsAre("3:42: limits.per_source_methods.SUBSCRIBE: " + warning));
  EXPECT_THAT(problems_with("limits: {per_source: {burst: 1}}\n"), ElementsAre("3:9: limits.per_source: " + warning));
}

TEST(Problems, GroupsAreNoHost) {
  for (const char* group : {"224.0.0.1", "239.1.2.3", "255.255.255.255", "[ff02::1]"}) {
    const std::string listener = *group == '[' ? "\"udp://[::1]:5060\"" : "udp://127.0.0.1:5060";
    EXPECT_THAT(problems_of("listeners: [" + listener + "]\npbx: \"udp://" + group + ":15060\"\n"),
                ElementsAre("2:6: pbx: must be the PBX's own address, not a multicast or broadcast one"));
    EXPECT_THAT(problems_of("listeners: [" + listener + "]\npbx: {address: \"udp://" + (*group == '[' ? "[::1]" : "127.0.0.1") +
                            ":15060\", bind: \"" + group + ":5080\"}\n"),
                ::testing::Contains(HasSubstr("pbx.bind: must be the address that the PBX sees, not a multicast or broadcast one")));
  }
}

TEST(Problems, AudioGoesToOneHost) {
  for (const std::string media : {"0.0.0.0", "\"::\"", "239.1.2.3", "255.255.255.255", "\"ff02::1\""})
    EXPECT_THAT(problems_of("listeners: udp://127.0.0.1:5060\npbx: {address: udp://127.0.0.5:15060, media_address: " + media + "}\n"),
                ElementsAre(HasSubstr("pbx.media_address: must be the address of one host")))
        << media;
}

TEST(Problems, SettingsThatLeaveNothingProtected) {
  const std::string off = "limits: {per_source: off, per_source_methods: off, unknown_sources: off";
  EXPECT_THAT(problems_with(off + "}\n"), IsEmpty());
  EXPECT_THAT(problems_with(off + ", pbx: off}\n"),
              ElementsAre("3:9: limits: warning: all limits are off: nothing holds back a flood or a guesser of passwords"));
  EXPECT_THAT(problems_with("admin: http://0.0.0.0:9460\n"),
              ElementsAre(HasSubstr("3:8: admin: warning: is reachable on every address of this host, without a password")));
  EXPECT_THAT(problems_with("default_action: ban\n"),
              ElementsAre("3:17: default_action: warning: no rule allows anything: nobody can register or call"));
  EXPECT_THAT(problems_with("default_action: drop\nrules: [{source: 192.0.2.0/24, action: allow}]\n"), IsEmpty());
}

struct Scalar {
  const char* text;
  const char* problem;  ///< empty: none
};

class Scalars : public ::testing::TestWithParam<Scalar> {};

TEST_P(Scalars, AreCheckedByKind) {
  const auto problems = problems_with(GetParam().text);
  if (*GetParam().problem == '\0')
    EXPECT_THAT(problems, IsEmpty());
  else
    EXPECT_THAT(problems, ElementsAre(::testing::HasSubstr(GetParam().problem)));
}

INSTANTIATE_TEST_SUITE_P(
    All, Scalars,
    ::testing::Values(
        Scalar{"builtin_scanners: no", ""}, Scalar{"builtin_scanners: on", ""}, Scalar{"builtin_scanners: maybe", "must be on or off"},
        Scalar{"limits: {per_source: off}", ""}, Scalar{"limits: {per_source: {rate: 30/m}}", ""},
        Scalar{"limits: {per_source: {rate: 0/s}}", "between 1/s"}, Scalar{"limits: {per_source: {rate: 5}}", "must be a rate"},
        Scalar{"limits: {per_source: fast}", "must be `off` or a map with rate, burst"},
        Scalar{"limits: {per_source_methods: {OPTIONS: {burst: 3}}}", "OPTIONS.rate: is missing"},
        Scalar{"limits: {per_source_methods: {register: off}}", "did you mean \"REGISTER\""},
        Scalar{"limits: {tracked_sources: 5}", "must be between 16 and 100000000, got 5"},
        Scalar{"limits: {tracked_sources: -5}", "must be between"},
        Scalar{"limits: {tracked_sources: 99999999999999999999}", "must be a whole number"}, Scalar{"admin: off", ""},
        Scalar{"admin: http://[::1]:9460", ""}, Scalar{"admin: http://127.0.0.1", "the port is missing"},
        Scalar{"admin: https://x", "must be a URL such as http"}, Scalar{"log: {level: warn}", "did you mean"},
        Scalar{"log: {format: json}", ""}, Scalar{"state:", "needs a value"},
        Scalar{"trusted: 10.0.0.1/8", "warning: \"10.0.0.1/8\" has host bits set, taken as 10.0.0.0/8"},
        Scalar{"trusted: 0900", "no network is named \"0900\""}, Scalar{"trusted: {a: b}", "must be"},
        Scalar{"rules: {action: drop}", "must be a list"}, Scalar{"rules: [{methods: [], action: drop}]", "must not be empty"},
        Scalar{"rules: [{unless: {}, action: drop}]", "must not be empty"},
        Scalar{"rules: [{source: {nto: 10.0.0.0/8}, action: drop}]", "must be a network"},
        Scalar{"rules: [{source: 2001:db8::1, action: drop}]", ""}, Scalar{"rules: [{registered: {not: true}, action: drop}]", ""},
        Scalar{"user_agents: {builtin: x}", "the name of the shipped list"}, Scalar{"<<: {state: /a}", "unknown key"},
        Scalar{"rules: [{user_agent: ^sipcli, action: drop}]",
               "patterns go under `user_agents:`, as in `user_agents: {mine: [\"^sipcli\"]}`"},
        Scalar{"rules: [{source: \"203.0.113.0/24, 10.0.0.0/8\", action: drop}]", "write a list: [203.0.113.0/24, 10.0.0.0/8]"},
        Scalar{"limits: {per_source: {rate: 5/min}}", "did you mean \"5/m\"?"},
        Scalar{"limits: {per_source: {rate: 50}}", "did you mean \"50/s\"?"},
        Scalar{"rules: [{action: ban, ban_time: 1 day}]", "did you mean \"1d\"?"},
        Scalar{"rules: [{action: deny}]", "did you mean \"drop\"?"}, Scalar{"rules: [{action: permit}]", "did you mean \"allow\"?"},
        Scalar{"rules: [{src: 192.0.2.1, action: drop}]", "did you mean \"source\"?"},
        Scalar{"rules: {source: 192.0.2.1}", "must be a list: each entry begins with `- `"}));

}  // namespace
}  // namespace postern::config::test
