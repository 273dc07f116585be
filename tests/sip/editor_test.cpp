#include "sip/editor.hpp"

#include <gtest/gtest.h>

#include "sip/message.hpp"
#include "sip/via_edit.hpp"
#include "tests/sip/corpus.hpp"

namespace postern::sip {
namespace {

using testing::invite;
using testing::with;

class EditorTest : public ::testing::Test {
 protected:
  void SetUp() override { load(invite); }
  void load(const std::string& bytes) {
    bytes_ = bytes;
    ASSERT_EQ(prescreen(bytes_, message_).result, PrescreenResult::message);
    editor_.reset(message_);
  }
  std::string serialised() {
    std::string out = "left over";
    EXPECT_TRUE(editor_.serialise(out));
    return out;
  }
  void expect_refused() {
    std::string out = "left over";
    EXPECT_FALSE(editor_.serialise(out));
    EXPECT_EQ(out, "");
  }

  std::string bytes_;
  RawMessage message_;
  Editor editor_;
};

TEST_F(EditorTest, WithoutEditsGivesTheSameBytes) { EXPECT_EQ(serialised(), invite); }

TEST_F(EditorTest, ReplacesPartsInAnyOrder) {
  editor_.replace(message_.top_via.sent_by, "198.51.100.1");
  editor_.replace(message_.find(HeaderName::contact)->value, "<sip:x@y>");
  editor_.replace(message_.request_uri, "sip:pbx");
  EXPECT_EQ(serialised(),
            with(with(with(invite, "192.0.2.10:5062;branch", "198.51.100.1;branch"), "<sip:1001@192.0.2.10:5062>", "<sip:x@y>"),
                 "sip:1002@sbc.example.com", "sip:pbx"));
}

TEST_F(EditorTest, InsertsRemovesAndAppendsLines) {
  const HeaderLine& via = *message_.find(HeaderName::via);
  editor_.remove(*message_.find(HeaderName::user_agent));
  editor_.remove(via);
  editor_.insert_before(via, "Via", "first");
  editor_.insert_before(via, "Via", "second");
  editor_.append("X-A", "1");
  editor_.append("X-B", "");
  EXPECT_EQ(serialised(),
            with(with(with(invite, "Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK-1;rport\r\n", "Via: first\r\nVia: second\r\n"),
                      "User-Agent: Phone/1.0\r\n", ""),
                 "5\r\n\r\n", "5\r\nX-A: 1\r\nX-B: \r\n\r\n"));
}

TEST_F(EditorTest, ReplacesTheBodyAndItsLength) {
  const std::string body("\0\r\nabc", 6);
  editor_.replace_body(body);
  EXPECT_EQ(serialised(), with(with(invite, "Length: 5", "Length: 6"), "\r\n\r\nv=0\r\n", "\r\n\r\n" + body));
  load(with(invite, "Content-Length: 5\r\n", ""));
  editor_.replace_body("");
  EXPECT_EQ(serialised(), with(with(invite, "Length: 5", "Length: 0"), "\r\n\r\nv=0\r\n", "\r\n\r\n"));
}

TEST_F(EditorTest, StatesTheLengthOnlyWhereItIsAbsent) {
  editor_.state_length();
  EXPECT_EQ(serialised(), invite);
  const std::string without = with(invite, "Content-Length: 5\r\n", "");
  const std::string end = "\r\n\r\nv=0\r\n";
  load(without);
  editor_.state_length();
  EXPECT_EQ(serialised(), with(without, end, "\r\nContent-Length: 5" + end));
  load(without);
  editor_.replace_body("abc");
  editor_.state_length();
  EXPECT_EQ(serialised(), with(without, end, "\r\nContent-Length: 3\r\n\r\nabc"));
}

TEST_F(EditorTest, LetsNobodyInjectAHeader) {
  using namespace std::string_literals;
  for (const std::string& text : {"a\r\nX-Evil: 1"s, "a\rb"s, "a\nb"s, "a\0b"s, "a\r\n"s, "a\n b"s, "a\r\n \r\nb"s}) {
    editor_.reset(message_);
    editor_.replace(message_.call_id, text);
    expect_refused();
    editor_.reset(message_);
    editor_.append("X-A", text);
    expect_refused();
    editor_.reset(message_);
    editor_.insert_before(*message_.find(HeaderName::to), text, "1");
    expect_refused();
  }
  editor_.reset(message_);
  editor_.append("", "1");
  expect_refused();
}

// Found by fuzzing: a Via with a fold in it (as RFC 4475 §3.1.1.1 has) could not be given received and rport.
TEST_F(EditorTest, UnfoldsTextsThatWereMadeFromTheMessage) {
  load(with(invite, "SIP/2.0/UDP 192", "SIP/2.0/UDP\r\n\t192"));
  editor_.replace(message_.top_via.whole, with_received(message_.top_via, "192.0.2.77", 9, false));
  editor_.append("X-A", "1,\r\n 2");
  EXPECT_EQ(serialised(), with(with(invite, "UDP 192.0.2.10:5062;branch=z9hG4bK-1;rport",
                                    "UDP\t192.0.2.10:5062;branch=z9hG4bK-1;received=192.0.2.77;rport=9"),
                               "5\r\n\r\n", "5\r\nX-A: 1, 2\r\n\r\n"));
}

TEST_F(EditorTest, RefusesOverlapsAndPartsOfOtherTexts) {
  editor_.remove(*message_.find(HeaderName::contact));
  editor_.replace(message_.find(HeaderName::contact)->value, "x");
  expect_refused();
  editor_.reset(message_);
  editor_.replace(std::string_view("elsewhere"), "x");
  expect_refused();
  editor_.reset(message_);
  editor_.replace(Span{10, static_cast<std::uint32_t>(invite.size() + 1)}, "x");
  expect_refused();
  editor_.reset(message_);
  EXPECT_EQ(serialised(), invite) << "reset() forgets what was wrong";
}

TEST_F(EditorTest, RefusesAMessageBeyondTheBound) {
  editor_.replace_body(std::string(Bounds::message, 'a'));
  expect_refused();
}

// What we write is read again to make ACK and CANCEL from it: it must fit our own bounds.
TEST_F(EditorTest, RefusesAHeaderSectionBeyondTheBound) {
  editor_.append("X-A", std::string(Bounds::header_section, 'a'));
  expect_refused();
}

TEST_F(EditorTest, RefusesMoreHeaderLinesThanTheBound) {
  for (std::size_t line = 0; line < Bounds::header_lines; ++line) editor_.append("X", "");
  expect_refused();
}

TEST(Response, CopiesWhatRfc3261Names) {
  RawMessage request;
  const std::string bytes = with(with(invite, "Max-Forwards", "v:  SIP/2.0/UDP  other ; branch=1\r\nMax-Forwards"), "To: <", "To:\r\n  <");
  ASSERT_EQ(prescreen(bytes, request).result, PrescreenResult::message);
  std::string out;
  write_response(request, {401, "Unauthorized", "our-tag", "WWW-Authenticate: Digest realm=\"x\"\r\n", "198.51.100.7", 4060}, out);
  EXPECT_EQ(out,
            "SIP/2.0 401 Unauthorized\r\n"
            "Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK-1;received=198.51.100.7;rport=4060\r\n"
            "v:  SIP/2.0/UDP  other ; branch=1\r\n"
            "From: \"Alice, desk\" <sip:1001@sbc.example.com>;tag=a1\r\n"
            "To:\r\n  <sip:1002@sbc.example.com>;tag=our-tag\r\n"
            "Call-ID: call-1@192.0.2.10\r\n"
            "CSeq: 7 INVITE\r\n"
            "WWW-Authenticate: Digest realm=\"x\"\r\n"
            "Content-Length: 0\r\n\r\n");
  RawMessage response;
  EXPECT_EQ(prescreen(out, response).result, PrescreenResult::message);
  EXPECT_TRUE(check(response).ok());
}

TEST(Response, EditsTheFirstOfSeveralViasInALine) {
  RawMessage request;
  const std::string bytes = with(invite, ";rport", ", SIP/2.0/UDP b");
  ASSERT_EQ(prescreen(bytes, request).result, PrescreenResult::message);
  std::string out;
  write_response(request, {100, "Trying", "t", "", "192.0.2.77", 1}, out);
  EXPECT_NE(out.find("Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK-1;received=192.0.2.77, SIP/2.0/UDP b\r\n"), std::string::npos) << out;
  EXPECT_NE(out.find("To: <sip:1002@sbc.example.com>\r\n"), std::string::npos) << "no tag in a 100";
}

TEST(Response, KeepsATagThatIsThere) {
  RawMessage request;
  const std::string bytes = with(invite, "To: <sip:1002@sbc.example.com>", "To: <sip:1002@sbc.example.com>;tag=theirs");
  ASSERT_EQ(prescreen(bytes, request).result, PrescreenResult::message);
  std::string out;
  write_response(request, {481, "x", "ours", "", "192.0.2.10", 5062}, out);
  EXPECT_NE(out.find(";tag=theirs\r\n"), std::string::npos);
  EXPECT_EQ(out.find("ours"), std::string::npos);
}

TEST(Response, KnowsTheStandardPhrases) {
  EXPECT_EQ(reason_phrase_of(404), "Not Found");
  EXPECT_EQ(reason_phrase_of(100), "Trying");
  EXPECT_EQ(reason_phrase_of(608), "Rejected");
  EXPECT_EQ(reason_phrase_of(499), "Unknown");
  EXPECT_EQ(reason_phrase_of(0), "Unknown");
}

}  // namespace
}  // namespace postern::sip
