// Weak passwords seen on the wire: which are, whose digests are looked at, and who is refused.
#include "sbc/weak_passwords.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "sbc/digest_response.hpp"
#include "sip/digest.hpp"
#include "tests/support/engine_fixture.hpp"

namespace postern::testing {
namespace {

using namespace std::chrono_literals;
using sbc::WeakKind;

// ---- which are weak

sbc::WatchedDigest made_with(const std::string& password, const std::string& algorithm = "MD5", const std::string& qop = "auth") {
  sbc::WatchedDigest digest;
  digest.username = digest.device = "2047";
  digest.extension = "101";
  digest.domains = {"pbx.example.com", "192.0.2.7"};
  digest.realm = "asterisk";
  digest.nonce = "1734/9f2c";
  digest.method = "REGISTER";
  digest.uri = "sip:pbx.example.com";
  digest.algorithm = algorithm;
  digest.qop = qop;
  if (!qop.empty()) {
    digest.nc = "00000001";
    digest.cnonce = "0a4f113b";
  }
  const sbc::DigestInput input{.algorithm = digest.algorithm,
                               .username = digest.username,
                               .realm = digest.realm,
                               .nonce = digest.nonce,
                               .method = digest.method,
                               .uri = digest.uri,
                               .qop = digest.qop,
                               .nc = digest.nc,
                               .cnonce = digest.cnonce};
  const std::string unknown(algorithm == "MD5" ? 32 : 64, '0');
  digest.response = sbc::DigestResponse::of(input, unknown)->with(password);
  return digest;
}

TEST(WeakKinds, EachIsFound) {
  for (const std::string algorithm : {"MD5", "SHA-256"}) {
    for (const std::string qop : {"auth", ""}) {
      const auto kind = [&](const std::string& password) { return sbc::weak_kind_of(made_with(password, algorithm, qop)); };
      EXPECT_EQ(kind(""), WeakKind::empty);
      EXPECT_EQ(kind("2047"), WeakKind::user_name);
      EXPECT_EQ(kind("7402"), WeakKind::user_name_reversed);
      EXPECT_EQ(kind("20472047"), WeakKind::user_name_doubled);
      EXPECT_EQ(kind("101"), WeakKind::extension);
      EXPECT_EQ(kind("101101"), WeakKind::extension_doubled);
      EXPECT_EQ(kind("pbx.example.com"), WeakKind::domain);
      EXPECT_EQ(kind("pbx"), WeakKind::domain);
      EXPECT_EQ(kind("192.0.2.7"), WeakKind::domain);
      EXPECT_EQ(kind("1234"), WeakKind::digits);
      EXPECT_EQ(kind("changeme"), WeakKind::common);
      for (const std::string good : {"secret2047", "192", "Xk83hd0s", "example", "2048"}) EXPECT_FALSE(kind(good)) << good;
    }
  }
}

TEST(WeakKinds, TheNameBeforeAnAtSignCounts) {
  sbc::WatchedDigest digest = made_with("alice");
  EXPECT_FALSE(sbc::weak_kind_of(digest));
  digest.device = "alice";
  EXPECT_EQ(sbc::weak_kind_of(digest), WeakKind::user_name);
}

TEST(WeakKinds, OneKindIsTriedAlone) {
  EXPECT_TRUE(is_of_kind(made_with("changeme"), WeakKind::common));
  EXPECT_FALSE(is_of_kind(made_with("changeme"), WeakKind::user_name));
  EXPECT_FALSE(is_of_kind(made_with("something else"), WeakKind::common));
}

TEST(WeakKinds, WordsAreReadBack) {
  for (std::size_t i = 0; i < sbc::weak_kind_count; ++i)
    EXPECT_EQ(sbc::weak_kind_of_word(sbc::weak_kind_table.at(i).word), static_cast<WeakKind>(i));
  EXPECT_FALSE(sbc::weak_kind_of_word("password"));
}

// ---- whose digests are looked at

TEST(WeakPasswords, OnceADayAnAccountAndAWeakOneEachTime) {
  sbc::WeakPasswords accounts(7);
  const sbc::TimePoint now{1000h};
  EXPECT_TRUE(accounts.wants("2047", now));
  accounts.hand_in(made_with("good one"), now);
  EXPECT_FALSE(accounts.wants("2047", now + 23h));
  EXPECT_TRUE(accounts.wants("2047", now + 24h));
  EXPECT_TRUE(accounts.wants("2048", now));
  ASSERT_TRUE(accounts.take());
  EXPECT_FALSE(accounts.take());

  EXPECT_FALSE(accounts.judged("2047", std::nullopt, now)) << "no news";
  EXPECT_TRUE(accounts.judged("2047", WeakKind::user_name, now));
  EXPECT_FALSE(accounts.judged("2047", WeakKind::user_name, now + 1h)) << "no news";
  EXPECT_EQ(accounts.verdicts().at("2047").since, now);
  EXPECT_EQ(accounts.verdict_on("2047"), WeakKind::user_name);
  EXPECT_TRUE(accounts.wants("2047", now));
  EXPECT_TRUE(accounts.judged("2047", std::nullopt, now));
  EXPECT_FALSE(accounts.verdict_on("2047"));
  EXPECT_EQ(accounts.looked_at(), 4U);
}

TEST(WeakPasswords, WhatThereIsNoRoomForIsCountedAndWantedAgain) {
  sbc::WeakPasswords accounts(7);
  const sbc::TimePoint now{1000h};
  std::size_t calls = 0;
  accounts.on_waiting([&] { ++calls; });
  sbc::WatchedDigest digest = made_with("good one");
  for (std::size_t i = 0; i < sbc::WeakPasswords::most_waiting; ++i) {
    digest.username = std::to_string(i);
    accounts.hand_in(digest, now);
  }
  digest.username = "one too many";
  accounts.hand_in(digest, now);
  EXPECT_EQ(calls, sbc::WeakPasswords::most_waiting);
  EXPECT_EQ(accounts.missed(), 1U);
  EXPECT_TRUE(accounts.wants("one too many", now));
  EXPECT_FALSE(accounts.wants("0", now));
}

TEST(WeakPasswords, NoMoreAccountsAreKeptThanTheBound) {
  sbc::WeakPasswords accounts(7);
  for (std::size_t i = 0; i <= sbc::WeakPasswords::most_weak; ++i) accounts.judged(std::to_string(i), WeakKind::digits, {});
  EXPECT_EQ(accounts.verdicts().size(), sbc::WeakPasswords::most_weak);
}

// ---- through the engine

class WeakPasswordsTest : public ::testing::Test {
 protected:
  explicit WeakPasswordsTest(const std::string& mode = "refuse") { start(mode); }
  void start(const std::string& mode) {
    shared_ = std::make_shared<sbc::Shared>(1, true);
    bench_.emplace(
        "listeners: [udp://198.51.100.1:5060]\npbx: {address: udp://10.0.0.5:15060, bind: 10.0.0.2:5080}\nweak_passwords: " + mode + "\n",
        "test.yaml", std::uint16_t{0}, sbc::Company{nullptr, shared_});
    phone_ = bench_->access_flow({*acl::Address::parse("203.0.113.7"), 5062});
  }

  std::string request(const std::string& method, const std::string& credentials) {
    const std::string number = std::to_string(++count_);
    return method + " sip:198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.7:5062;branch=z9hG4bK-" + number +
           "\r\nMax-Forwards: 70\r\nFrom: <sip:1001@198.51.100.1>;tag=1\r\nTo: <sip:" + (method == "REGISTER" ? "1001" : "1002") +
           "@198.51.100.1>\r\nCall-ID: phone" + (method == "REGISTER" ? "" : number) + "\r\nCSeq: " + number + " " + method +
           "\r\nContact: <sip:1001@203.0.113.7:5062>\r\n" + credentials + "Content-Length: 0\r\n\r\n";
  }

  [[nodiscard]] std::string last_to(sbc::Side side) const {
    const auto last = std::find_if(bench_->sent.rbegin(), bench_->sent.rend(), [side](const Sent& sent) { return sent.flow.side == side; });
    return last == bench_->sent.rend() ? std::string{} : last->bytes;
  }

  /// What the PBX got, answered by it.
  void answer(const std::string& first_line, const std::string& more) {
    const std::string sent = last_to(sbc::Side::core);
    sip::RawMessage seen;
    ASSERT_EQ(sip::prescreen(sent, seen).result, sip::PrescreenResult::message);
    std::string response = "SIP/2.0 " + first_line + "\r\n";
    for (const sip::HeaderLine& header : seen.header_lines()) {
      const auto name = header.name;
      if (name == sip::HeaderName::via || name == sip::HeaderName::from || name == sip::HeaderName::to ||
          name == sip::HeaderName::call_id || name == sip::HeaderName::cseq || (first_line == "200 OK" && name == sip::HeaderName::contact))
        response += seen.text(header.line);
    }
    bench_->handle(bench_->pbx_flow(), response + more + "Content-Length: 0\r\n\r\n");
  }

  /// The outcome of a request with that password, once challenged; a REGISTER that gets to the PBX is accepted.
  sbc::Outcome asks_with(const std::string& password, const std::string& method = "REGISTER") {
    bench_->handle(phone_, request(method, {}));
    answer("401 Unauthorized",
           "WWW-Authenticate: Digest realm=\"asterisk\",nonce=\"n" + std::to_string(count_) + "\",algorithm=MD5,qop=\"auth\"\r\n");
    const std::string challenge = last_to(sbc::Side::access);
    const std::size_t begin = challenge.find("Digest ");
    const std::string value = challenge.substr(begin, challenge.find("\r\n", begin) - begin);
    const auto digest = sip::DigestView::parse(value);
    const std::string response = sbc::DigestResponse::of({.algorithm = "MD5",
                                                          .username = "1001",
                                                          .realm = "asterisk",
                                                          .nonce = digest->nonce,
                                                          .method = method,
                                                          .uri = "sip:198.51.100.1",
                                                          .qop = "auth",
                                                          .nc = "00000001",
                                                          .cnonce = "c"},
                                                         std::string(32, '0'))
                                     ->with(password);
    const auto outcome = bench_->handle(
        phone_, request(method, "Authorization: Digest username=\"1001\",realm=\"asterisk\",nonce=\"" + std::string(digest->nonce) +
                                    "\",uri=\"sip:198.51.100.1\",response=\"" + response +
                                    "\",algorithm=MD5,qop=auth,nc=00000001,cnonce=\"c\"," + std::string(digest->opaque_param) + "\r\n"));
    if (outcome == sbc::Outcome::forwarded && method == "REGISTER") answer("200 OK", "Expires: 3600\r\n");
    return outcome;
  }

  /// The thread's work; true: something had been handed in.
  bool try_passwords() {
    const auto digest = shared_->weak_passwords.take();
    if (!digest) return false;
    shared_->weak_passwords.judged(digest->username, sbc::weak_kind_of(*digest), bench_->now());
    return true;
  }
  [[nodiscard]] std::optional<WeakKind> verdict() const { return shared_->weak_passwords.verdict_on("1001"); }

  std::shared_ptr<sbc::Shared> shared_;
  std::optional<EngineBench> bench_;
  sbc::Flow phone_;
  int count_ = 0;
};

TEST_F(WeakPasswordsTest, AWeakAccountIsRefusedUntilItsPasswordIsChanged) {
  EXPECT_EQ(asks_with("1001"), sbc::Outcome::forwarded) << "nothing is known of it";
  EXPECT_EQ(bench_->gauges().registrations, 1U);
  ASSERT_TRUE(try_passwords());
  EXPECT_EQ(verdict(), WeakKind::user_name);

  bench_->sent.clear();
  EXPECT_EQ(asks_with("1001"), sbc::Outcome::weak_password);
  EXPECT_TRUE(bench_->sent.back().bytes.starts_with("SIP/2.0 403 "));
  EXPECT_FALSE(try_passwords());
  EXPECT_EQ(asks_with("1001", "INVITE"), sbc::Outcome::weak_password);
  EXPECT_EQ(asks_with("wrong"), sbc::Outcome::forwarded) << "the PBX judges that";
  ASSERT_TRUE(try_passwords());

  EXPECT_FALSE(verdict());
  EXPECT_EQ(asks_with("long and random"), sbc::Outcome::forwarded);
  EXPECT_EQ(asks_with("long and random", "INVITE"), sbc::Outcome::forwarded);
}

TEST_F(WeakPasswordsTest, AnotherWeakPasswordTakesThePlaceOfTheFirst) {
  asks_with("1001");
  ASSERT_TRUE(try_passwords());
  EXPECT_EQ(asks_with("changeme"), sbc::Outcome::forwarded);
  ASSERT_TRUE(try_passwords());
  EXPECT_EQ(verdict(), WeakKind::common);
  EXPECT_EQ(asks_with("changeme"), sbc::Outcome::weak_password);
  EXPECT_EQ(asks_with("changeit"), sbc::Outcome::weak_password) << "what kind it was is all that is known";
}

TEST_F(WeakPasswordsTest, ReportRefusesNobody) {
  start("report");
  EXPECT_EQ(asks_with("1001"), sbc::Outcome::forwarded);
  ASSERT_TRUE(try_passwords());
  EXPECT_EQ(verdict(), WeakKind::user_name);
  EXPECT_EQ(asks_with("1001"), sbc::Outcome::forwarded);
  EXPECT_TRUE(try_passwords()) << "so it is seen at once when it has been changed";
  asks_with("long and random");
  ASSERT_TRUE(try_passwords());
  EXPECT_FALSE(verdict());
  asks_with("long and random");
  EXPECT_FALSE(try_passwords()) << "not again today";
}

TEST_F(WeakPasswordsTest, OffLooksAtNothing) {
  start("off");
  EXPECT_EQ(asks_with("1001"), sbc::Outcome::forwarded);
  EXPECT_FALSE(try_passwords());
}

}  // namespace
}  // namespace postern::testing
