#include "sip/prescreen.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "tests/sip/corpus.hpp"

namespace {
std::size_t allocations = 0;
}

// Counts what the whole test binary allocates: the prescreen must add nothing.
void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;  // NOLINT
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }               // NOLINT
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }  // NOLINT

namespace postern::sip {
namespace {

using testing::invite;
using testing::ok;
using testing::with;

TEST(Prescreen, ReadsARequest) {
  RawMessage m;
  ASSERT_EQ(prescreen(invite, m).result, PrescreenResult::message);
  EXPECT_TRUE(m.is_request);
  EXPECT_EQ(m.bytes, invite);
  EXPECT_EQ(m.method, Method::invite);
  EXPECT_EQ(m.method_text, "INVITE");
  EXPECT_EQ(m.request_uri, "sip:1002@sbc.example.com");
  EXPECT_EQ(m.request_user, "1002");
  EXPECT_EQ(m.text(m.start_line), "INVITE sip:1002@sbc.example.com SIP/2.0");
  EXPECT_EQ(m.top_via.sent_by, "192.0.2.10:5062");
  EXPECT_EQ(m.branch, "z9hG4bK-1");
  EXPECT_EQ(m.call_id, "call-1@192.0.2.10");
  EXPECT_EQ(m.cseq, 7U);
  EXPECT_EQ(m.user_agent, "Phone/1.0");
  EXPECT_EQ(m.from_user, "1001");
  EXPECT_EQ(m.from_tag, "a1");
  EXPECT_EQ(m.to_user, "1002");
  EXPECT_EQ(m.to_tag, "");
  EXPECT_EQ(m.header_count, 10U);
  EXPECT_EQ(m.body(), "v=0\r\n");
  const HeaderLine* contact = m.find(HeaderName::contact);
  ASSERT_NE(contact, nullptr);
  EXPECT_EQ(m.text(contact->line), "Contact: <sip:1001@192.0.2.10:5062>\r\n");
  EXPECT_EQ(m.text(contact->field_name), "Contact");
  EXPECT_EQ(m.text(contact->value), "<sip:1001@192.0.2.10:5062>");
  EXPECT_EQ(m.find(HeaderName::route), nullptr);
}

TEST(Prescreen, ReadsTheHostOfARequestUriHoweverItIsWritten) {
  const auto host_of = [](std::string_view uri) {
    const std::string bytes = "OPTIONS " + std::string(uri) +
                              invite.substr(invite.find(" SIP/2.0"), invite.find("CSeq") - invite.find(" SIP/2.0")) +
                              "CSeq: 7 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    RawMessage m;
    EXPECT_EQ(prescreen(bytes, m).result, PrescreenResult::message) << uri;
    return std::string(m.request_host.host) + " of " + std::string(m.request_host.whole);
  };
  EXPECT_EQ(host_of("sip:1002@pbx.example:5070;transport=udp"), "pbx.example of pbx.example:5070");
  EXPECT_EQ(host_of("sips:[2001:db8::5]"), "[2001:db8::5] of [2001:db8::5]");
  EXPECT_EQ(host_of("sip:1002:secret@pbx.example:5070"), "pbx.example of pbx.example:5070");
  EXPECT_EQ(host_of("tel:+431234"), " of ");
}

TEST(Prescreen, FindsTheViasBelowTheTopOne) {
  const auto below = [](std::string_view vias) {
    const std::string bytes = "OPTIONS sip:a SIP/2.0\r\n" + std::string(vias) +
                              "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n";
    RawMessage m;
    EXPECT_EQ(prescreen(bytes, m).result, PrescreenResult::message) << vias;
    std::string found;
    const bool any = m.any_via_below_top([&found](std::string_view element) {
      found.append(element).append("|");
      return element.ends_with("last");
    });
    return found + (any ? "!" : "");
  };
  EXPECT_EQ(below("Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\n"), "");
  EXPECT_EQ(below("Via: , SIP/2.0/UDP a;branch=z9hG4bK1 ,, SIP/2.0/UDP b ,\r\n"), "SIP/2.0/UDP b|");
  EXPECT_EQ(below("Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP b, SIP/2.0/UDP c\r\nv: d\r\n"), "SIP/2.0/UDP b|SIP/2.0/UDP c|d|");
  EXPECT_EQ(below("Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\nVia: last, never\r\n"), "last|!");
}

TEST(Prescreen, ReadsAResponse) {
  RawMessage m;
  ASSERT_EQ(prescreen(ok, m).result, PrescreenResult::message);
  EXPECT_FALSE(m.is_request);
  EXPECT_EQ(m.status_code, 200);
  EXPECT_EQ(m.reason_phrase, "OK");
  EXPECT_EQ(m.method, Method::invite);
  EXPECT_EQ(m.branch, "z9hG4bK-2");
  EXPECT_EQ(m.to_tag, "b2");
}

TEST(Prescreen, KeepsFoldsInsideTheValue) {
  RawMessage m;
  const std::string folded = with(invite, "Contact: <", "Contact :\r\n\t <").replace(0, 0, "\r\n\r\n");
  ASSERT_EQ(prescreen(folded, m).result, PrescreenResult::message);
  EXPECT_EQ(m.bytes.substr(0, 6), "INVITE") << "line ends before the start line are passed over (RFC 3261 §7.5)";
  const HeaderLine* contact = m.find(HeaderName::contact);
  EXPECT_EQ(m.text(contact->line), "Contact :\r\n\t <sip:1001@192.0.2.10:5062>\r\n");
  EXPECT_EQ(m.text(contact->value), "<sip:1001@192.0.2.10:5062>");
  const std::string in_from = with(invite, "Alice, desk\" <", "Alice\"\r\n  <");
  ASSERT_EQ(prescreen(in_from, m).result, PrescreenResult::message);
  EXPECT_EQ(m.text(m.find(HeaderName::from)->value), "\"Alice\"\r\n  <sip:1001@sbc.example.com>;tag=a1");
}

TEST(Prescreen, TellsKeepAlivesStunAndGarbageApart) {
  RawMessage m;
  using namespace std::string_literals;
  for (const std::string& bytes : {""s, "\r\n"s, "\r\n\r\n"s, "\0"s, "\0\0\0\0"s}) {
    EXPECT_EQ(prescreen(bytes, m).result, PrescreenResult::keep_alive) << bytes.size();
  }
  EXPECT_EQ(prescreen("\0\1\0\0\x21\x12\xA4\x42"s + std::string(12, 'x'), m).result, PrescreenResult::stun);
  EXPECT_EQ(prescreen("\0\1\0\0\x21\x12\xA4\x42"s + std::string(11, 'x'), m).result, PrescreenResult::garbage);
  for (const std::string& bytes :
       {"GET / HTTP/1.1\r\n\r\n"s, "hello"s, "\r\n\r\n\r\n\r\n\r\n\r\nINVITE"s, "\x16\x03\x01\x02"s, "DESCRIBE rtsp://a RTSP/1.0\r\n\r\n"s,
        " INVITE sip:a@b SIP/2.0\r\n\r\n"s, "INVITE sip:a@b\r\n\r\n"s, "\0SIP/2.0 200 OK\r\n\r\n"s, "NOSIP/2.0 200 OK\r\n\r\n"s}) {
    EXPECT_EQ(prescreen(bytes, m).result, PrescreenResult::garbage) << bytes;
  }
}

struct DefectCase {
  const char *from, *to;
  Defect defect;
  bool answerable;
};

TEST(Prescreen, NamesTheDefectOfARequest) {
  const DefectCase cases[] = {
      {"INVITE sip:1002", "INVITE  sip:1002", Defect::start_line, true},
      {"com SIP/2.0", "com  SIP/2.0", Defect::start_line, true},
      {"com SIP/2.0", "com SIP/2.0 ", Defect::start_line, true},
      {"com SIP/2.0", "com; lr SIP/2.0", Defect::start_line, true},
      {"com SIP/2.0", "com SIP/2", Defect::start_line, true},
      {"com SIP/2.0", "com SIP/2.x", Defect::start_line, true},
      {"com SIP/2.0", "com?Route=%3Csip:evil%3E SIP/2.0", Defect::start_line, true},
      {"sip:1002@sbc.example.com SIP", "<sip:1002@sbc.example.com> SIP", Defect::start_line, true},
      {"sip:1002@sbc.example.com SIP", "sip:1002@ SIP", Defect::start_line, true},
      {"com SIP/2.0", "com SIP/7.0", Defect::version, true},
      {"INVITE sip", "PING sip", Defect::method, true},
      {"Contact:", "Con tact:", Defect::bad_header_line, true},
      {"Contact:", ":", Defect::bad_header_line, true},
      {"Contact: <sip:1001@192.0.2.10:5062>", "Contact", Defect::bad_header_line, true},
      {"Contact: ", "Contact: \r\n \r\n ", Defect::bad_header_line, true},
      {"Phone/1.0", "Phone\r1.0", Defect::control_character, true},
      {"Phone/1.0\r\n", "Phone/1.0\n", Defect::control_character, true},
      {"call-1", "call\r1", Defect::control_character, false},
      {"tag=a1\r\n", "tag=a1\n", Defect::control_character, false},
      {"SIP/2.0\r\n", "SIP/2.0\n", Defect::control_character, true},
      {"\r\n\r\nv=0\r\n", "\r\n", Defect::no_end, true},
      {"Length: 5", "Length: 6", Defect::content_length, true},
      {"Length: 5", "Length: -5", Defect::content_length, true},
      {"Length: 5", "Length: five", Defect::content_length, true},
      {"Length: 5", "Length:", Defect::content_length, true},
      {"Length: 5", "Length: 99999999999999999999", Defect::content_length, true},
      {"Length: 5", "Length: 5\r\nl: 5", Defect::content_length, true},
      {"Length: 5", "Length: 5\r\nl: 4", Defect::content_length, true},
      {"Via: SIP/2.0/UDP 192", "X-Via: SIP/2.0/UDP 192", Defect::via, false},
      {"Via: SIP/2.0/UDP 192", "Via: SIP/2.0 192", Defect::via, false},
      {"Via: SIP/2.0/UDP", "Via: SIP/7.0/UDP", Defect::via, true},
      {"From:", "X-From:", Defect::from, false},
      {"desk\" <", "desk <", Defect::from, true},
      {"To: <sip:1002", "X-To: <sip:1002", Defect::to, false},
      {"To: <sip:1002", "To: \"x <sip:1002", Defect::to, true},
      {"To: <sip:1002@", "To: <sip:1002@%", Defect::to, true},
      {"Call-ID:", "X-Call-ID:", Defect::call_id, false},
      {"call-1@", "call 1@", Defect::call_id, true},
      {"call-1@192.0.2.10", "", Defect::call_id, true},
      {"CSeq:", "X-CSeq:", Defect::cseq, false},
      {"CSeq: 7", "CSeq: 2147483648", Defect::cseq, true},
      {"CSeq: 7", "CSeq: 36893488147419103232", Defect::cseq, true},
      {"CSeq: 7 ", "CSeq: 7", Defect::cseq, true},
      {"CSeq: 7 INVITE", "CSeq: 7", Defect::cseq, true},
      {"CSeq: 7 INVITE", "CSeq: INVITE", Defect::cseq, true},
      {"CSeq: 7 INVITE", "CSeq: 7 INVITE 8", Defect::cseq, true},
      {"CSeq: 7 INVITE", "CSeq: 7 OPTIONS", Defect::cseq_method, true},
      {"CSeq: 7 INVITE", "CSeq: 7 invite", Defect::cseq_method, true},
      {"Max-Forwards: 70", "Max-Forwards: 256", Defect::max_forwards, true},
      {"Max-Forwards: 70", "Max-Forwards: -1", Defect::max_forwards, true},
      {"Max-Forwards: 70", "Max-Forwards: 70\r\nMax-Forwards: 70", Defect::repeated_header, true},
      {"CSeq: 7 INVITE", "CSeq: 7 INVITE\r\nCSeq: 7 INVITE", Defect::repeated_header, true},
      {"To: ", "t: <sip:x@y>\r\nTo: ", Defect::repeated_header, true},
      {"Content-Type:", "c: a/b\r\nContent-Type:", Defect::repeated_header, true},
      {"Contact:", "RAck: 1 2 PING\r\nContact:", Defect::bad_header_line, true},
  };
  for (const DefectCase& one : cases) {
    RawMessage m;
    const Prescreened found = prescreen(with(invite, one.from, one.to), m);
    EXPECT_EQ(found.result, PrescreenResult::malformed) << one.to;
    EXPECT_EQ(to_string(found.defect), to_string(one.defect)) << one.to;
    EXPECT_EQ(found.answerable, one.answerable) << one.to;
  }
}

TEST(Prescreen, RefusesNulInTheHeaderSectionOnly) {
  RawMessage m;
  using namespace std::string_literals;
  EXPECT_EQ(prescreen(with(invite, "Phone", "Pho\0ne"s), m).defect, Defect::control_character);
  const std::string in_body = with(invite, "v=0\r\n", "\0\n\r\n\0"s);
  EXPECT_EQ(prescreen(in_body, m).result, PrescreenResult::message);
  EXPECT_EQ(m.body(), "\0\n\r\n\0"s);
}

TEST(Prescreen, AMethodThatTheParserCannotTakeComesBeforeControlCharacters) {
  RawMessage m;
  using namespace std::string_literals;
  const Prescreened found = prescreen(with(with(invite, "INVITE", "a+b"), "Phone", "Pho\0ne"s), m);
  EXPECT_EQ(found.defect, Defect::method);
  EXPECT_TRUE(found.answerable);
}

TEST(Prescreen, NeverAnswersAnAckOrAResponse) {
  RawMessage m;
  const std::string ack = with(with(invite, "INVITE", "ACK"), "7 INVITE", "7 ACK");
  EXPECT_EQ(prescreen(ack, m).result, PrescreenResult::message);
  EXPECT_FALSE(prescreen(with(ack, "Length: 5", "Length: 6"), m).answerable);
  for (const auto& [from, to, defect] :
       {std::tuple{"200", "099", Defect::status_code}, std::tuple{"200", "700", Defect::status_code},
        std::tuple{"200", "4294967301", Defect::status_code}, std::tuple{" 200 OK", " 200", Defect::start_line},
        std::tuple{"SIP/2.0 200", "SIP/3.0 200", Defect::version}, std::tuple{"7 INVITE", "7 PING", Defect::method}}) {
    const Prescreened found = prescreen(with(ok, from, to), m);
    EXPECT_EQ(to_string(found.defect), to_string(defect)) << to;
    EXPECT_FALSE(found.answerable) << to;
  }
}

TEST(Prescreen, CutsOctetsPastTheContentLength) {
  RawMessage m;
  const std::string two = invite + "INVITE sip:evil@example.com SIP/2.0\r\n";
  ASSERT_EQ(prescreen(two, m).result, PrescreenResult::message);
  EXPECT_EQ(m.bytes, invite);
  const std::string endless = with(invite, "Content-Length: 5\r\n", "") + "more";
  ASSERT_EQ(prescreen(endless, m).result, PrescreenResult::message);
  EXPECT_EQ(m.body(), "v=0\r\nmore") << "without Content-Length the datagram's end is the body's (RFC 3261 §18.3)";
}

TEST(Prescreen, KeepsEveryBound) {
  RawMessage m;
  const auto lines = [](std::size_t count) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += "X-Y: z\r\n";
    return with(invite, "Contact:", all + "Contact:");
  };
  EXPECT_EQ(prescreen(lines(Bounds::header_lines - 10), m).result, PrescreenResult::message);
  EXPECT_EQ(m.header_count, Bounds::header_lines);
  EXPECT_EQ(prescreen(lines(Bounds::header_lines - 9), m).defect, Defect::too_many_headers);
  const auto commas = [](std::size_t count) { return with(invite, "Contact:", "Allow: " + std::string(count, ',') + "\r\nContact:"); };
  EXPECT_EQ(prescreen(commas(Bounds::commas_a_line), m).result, PrescreenResult::message);
  EXPECT_EQ(prescreen(commas(Bounds::commas_a_line + 1), m).defect, Defect::too_many_elements);
  const auto spread = [](std::size_t count) {
    std::string all;
    for (std::size_t i = 0; i < count / 32; ++i) all += "Allow: " + std::string(32, ',') + "\r\n";
    return with(invite, "Contact:", all + "Allow: " + std::string(count % 32, ',') + "\r\nContact:");
  };
  const auto own = static_cast<std::size_t>(std::count(invite.begin(), invite.end(), ','));
  EXPECT_EQ(prescreen(spread(Bounds::commas - own), m).result, PrescreenResult::message);
  EXPECT_EQ(prescreen(spread(Bounds::commas - own + 1), m).defect, Defect::too_many_elements);
  const std::size_t section = invite.size() - 5;
  const auto filled = [&](std::size_t size) { return with(invite, "Phone", std::string(size - section + 5, 'p')); };
  const std::string largest = filled(Bounds::header_section);
  EXPECT_EQ(prescreen(largest, m).result, PrescreenResult::message);
  EXPECT_EQ(m.user_agent.size(), 512U);
  EXPECT_EQ(prescreen(filled(Bounds::header_section + 1), m).defect, Defect::header_section_too_large);
  const std::string full = with(invite, "Content-Length: 5\r\n", "");
  EXPECT_EQ(prescreen(full + std::string(Bounds::message - full.size(), 'x'), m).result, PrescreenResult::message);
  EXPECT_EQ(prescreen(full + std::string(Bounds::message - full.size() + 1, 'x'), m).result, PrescreenResult::garbage);
}

// Found by fuzzing: the first Via, refused for its commas, was forgotten, the second one passed for the top Via, and the answer threw.
TEST(Prescreen, ASecondViaNeverPassesForTheTopOne) {
  RawMessage m;
  for (const std::string& first : {"Via: x" + std::string(Bounds::commas_a_line + 1, ','), std::string("Via: x")}) {
    const std::string bytes = with(invite, "Via:", first + "\r\nVia:");
    const Prescreened found = prescreen(bytes, m);
    EXPECT_EQ(found.result, PrescreenResult::malformed);
    EXPECT_FALSE(found.answerable);
    EXPECT_TRUE(m.top_via.whole.empty());
  }
}

TEST(Prescreen, AcceptsRfc2543) {
  RawMessage m;
  const std::string old = with(with(with(invite, ";branch=z9hG4bK-1", ""), ";tag=a1", ""), "Max-Forwards: 70\r\n", "");
  ASSERT_EQ(prescreen(old, m).result, PrescreenResult::message);
  EXPECT_EQ(m.branch, "");
  EXPECT_EQ(m.from_tag, "");
}

TEST(Prescreen, AllocatesNothing) {
  const std::string bad = with(invite, "Contact: <", "Contact: \r\n \r\n <");
  RawMessage m;
  const std::size_t before = allocations;
  for (const std::string* bytes : {&invite, &ok, &bad}) EXPECT_NE(prescreen(*bytes, m).result, PrescreenResult::garbage);
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace postern::sip
