// policy_tests as the file writes them; what they say of the rules is tests/integration/explain_test.py's.
#include <gmock/gmock.h>

#include "tests/config/support.hpp"

namespace postern::config::test {
namespace {

using ::testing::ElementsAre;

TEST(PolicyTests, AreReadWhole) {
  const LoadResult result = load(std::string(smallest) + R"(policy_tests:
  - {name: first, source: 203.0.113.7, method: REGISTER, expect: allow}
  - source: "[2001:db8::7]:5062"
    transport: udp
    listener: udp://127.0.0.1:5060
    method: INVITE
    from: sip:1001@a
    to: sip:1002@a
    request_uri: sip:1003@a
    user_agent: a phone
    registered: yes
    expect: 480
)");
  ASSERT_TRUE(result.ok()) << result.problems.at(0).to_string();
  const auto& tests = result.config.policy_tests;
  ASSERT_EQ(tests.size(), 2U);
  EXPECT_EQ(tests[0].name, "first");
  EXPECT_EQ(tests[0].request.source.to_string(), "203.0.113.7:0");
  EXPECT_EQ(tests[0].verdict, acl::Action::allow);
  EXPECT_EQ(tests[0].line, 4);
  EXPECT_EQ(tests[0].path, "policy_tests[0]");
  const sbc::RequestSketch& request = tests[1].request;
  EXPECT_EQ(request.source.to_string(), "[2001:db8::7]:5062");
  EXPECT_EQ(request.transport, sbc::Transport::udp);
  EXPECT_EQ(request.listener, "udp://127.0.0.1:5060");
  EXPECT_EQ(request.method + request.from + request.to + request.request_uri + request.user_agent,
            "INVITEsip:1001@asip:1002@asip:1003@aa phone");
  EXPECT_TRUE(request.registered);
  EXPECT_FALSE(tests[1].verdict);
  EXPECT_EQ(tests[1].status, 480);
}

TEST(PolicyTests, ErrorsStandAtTheirPlaces) {
  EXPECT_THAT(problems_with(R"(policy_tests:
  - {source: 203.0.113.0/24, method: REGISTER, expect: allow}
  - {source: 203.0.113.7, method: REGISTR, expect: alow}
  - {source: 203.0.113.7, method: REGISTER, listener: publik, expect: 200}
  - {method: REGISTER, form: sip:a@b}
)"),
              ElementsAre(::testing::StartsWith("4:14: policy_tests[0].source: must be an address, perhaps with a port"),
                          "5:35: policy_tests[1].method: \"REGISTR\" is no SIP method known here; did you mean \"REGISTER\"?",
                          "5:52: policy_tests[1].expect: must be a whole number or `allow` or `drop` or `reject` or `ban`, got \"alow\"; "
                          "did you mean \"allow\"?",
                          ::testing::StartsWith("6:55: policy_tests[2].listener: no listener is named \"publik\""),
                          ::testing::StartsWith("6:71: policy_tests[2].expect: must be between 400 and 699"),
                          ::testing::StartsWith("7:5: policy_tests[3].expect: is missing"),
                          ::testing::StartsWith("7:5: policy_tests[3].source: is missing"),
                          "7:24: policy_tests[3].form: unknown key; did you mean \"from\"?"));
}

}  // namespace
}  // namespace postern::config::test
