// What Debian's sofia-sip 1.12.11 does that a careless caller would not expect: each test pins one such fact against the real library,
// and that our own way around it holds. If one fails after an upgrade, the wrapper's reasons have changed.
#include <gtest/gtest.h>
#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/sip_util.h>
#include <sofia-sip/su_alloc_stat.h>

#include <cstring>

#include "sip/editor.hpp"
#include "sip/message.hpp"
#include "tests/sip/corpus.hpp"

namespace postern::sip {
namespace {

using testing::invite;
using testing::with;

class Sofia {
 public:
  explicit Sofia(std::string_view bytes, int flags = 0) : msg_(msg_create(sip_default_mclass(), flags)) {
    msg_iovec_t part{};
    const auto size = static_cast<usize_t>(bytes.size());
    EXPECT_EQ(msg_recv_iovec(msg_, &part, 1, size, 1), 1);
    std::memcpy(part.mv_base, bytes.data(), bytes.size());
    EXPECT_EQ(msg_recv_commit(msg_, size, 1), 0);
    extracted_ = msg_extract(msg_);
  }
  ~Sofia() { msg_destroy(msg_); }
  Sofia(const Sofia&) = delete;
  Sofia& operator=(const Sofia&) = delete;

  [[nodiscard]] int extracted() const { return extracted_; }
  [[nodiscard]] msg_t* msg() const { return msg_; }
  [[nodiscard]] const sip_t* sip() const { return sip_object(msg_); }
  std::string serialised() {
    EXPECT_EQ(msg_serialize(msg_, msg_object(msg_)), 0);
    EXPECT_GT(msg_prepare(msg_), 0);
    std::string out;
    for (const msg_header_t* h = *msg_chain_head(msg_); h != nullptr; h = h->sh_succ) {
      if (h->sh_data != nullptr) out.append(static_cast<const char*>(h->sh_data), h->sh_len);
    }
    return out;
  }

 private:
  msg_t* msg_;
  int extracted_ = 0;
};

int our_status(const std::string& bytes) {
  RawMessage m;
  if (prescreen(bytes, m).result != PrescreenResult::message) return 400;
  return check(m).status;
}

std::string with_method(const std::string& method) { return with(with(invite, "INVITE", method), "7 INVITE", "7 " + method); }

TEST(SofiaTrap, UnknownMethodsShorterThanAKnownOneAreRefused) {
  for (const char* method : {"PING", "SERVICE", "NOTE", "UPD", "A", "IN", "REG", "SUBSCRIB", "a+b", "a`b"}) {
    EXPECT_NE(Sofia(with_method(method)).extracted(), 1) << method;
    EXPECT_FALSE(parser_takes_method(method)) << method;
    RawMessage m;
    EXPECT_EQ(prescreen(with_method(method), m).defect, Defect::method) << method;
  }
}

TEST(SofiaTrap, EveryMethodThatWeLetThroughIsReadAsItself) {
  const std::string letters = "ABCIMNOPRSUXabcimnoprsuz%!.~*'_-";
  for (const char first : letters) {
    for (std::size_t size = 1; size <= 11; ++size) {
      for (const char fill : {'A', 'z', '%', '9'}) {
        const std::string method = first + std::string(size - 1, fill);
        if (!parser_takes_method(method)) continue;
        const Sofia parsed(with_method(method));
        ASSERT_EQ(parsed.extracted(), 1) << method;
        EXPECT_STREQ(parsed.sip()->sip_request->rq_method_name, method.c_str());
        EXPECT_EQ(our_status(with_method(method)), 0) << method;
      }
    }
  }
}

TEST(SofiaTrap, AShortMethodSwallowsTheRequestUri) {
  // The parser steps over as many characters as SUBSCRIBE has before it looks for the end of the method.
  const Sofia parsed(with(with_method("S"), "S sip:1002@sbc.example.com SIP/2.0", "S x sip:y sip:z SIP/2.0"));
  EXPECT_TRUE(parsed.extracted() != 1 || std::strcmp(parsed.sip()->sip_request->rq_method_name, "S") != 0);
  EXPECT_EQ(our_status(with_method("S")), 400);
}

TEST(SofiaTrap, ExtractionSucceedsInSpiteOfBadHeaders) {
  const std::string bad = with(invite, "Contact: <sip:1001@192.0.2.10:5062>", "Contact: <sip:1001@192.0.2.10:5062");
  const Sofia parsed(bad);
  EXPECT_EQ(parsed.extracted(), 1);
  EXPECT_NE(msg_extract_errors(parsed.msg()), 0U);
  EXPECT_EQ(sip_sanity_check(parsed.sip()), 0) << "the sanity check does not look at it either";
  EXPECT_EQ(our_status(bad), 400);
}

TEST(SofiaTrap, ExtractionSucceedsWithoutMandatoryHeaders) {
  const std::string bare = "OPTIONS sip:a@b SIP/2.0\r\nX-Y: z\r\n\r\n";
  const Sofia parsed(bare);
  EXPECT_EQ(parsed.extracted(), 1);
  EXPECT_EQ(msg_extract_errors(parsed.msg()), 0U);
  EXPECT_NE(sip_sanity_check(parsed.sip()), 0);
  EXPECT_EQ(our_status(bare), 400);
}

TEST(SofiaTrap, GarbageGivesNoExtractErrorOfItsOwn) {
  const Sofia parsed("hello\r\n\r\n");
  EXPECT_EQ(msg_extract_errors(parsed.msg()), 0U);
  EXPECT_NE(parsed.extracted(), 1);
}

TEST(SofiaTrap, ASecondSingleHeaderIsListedAsAnErrorWithItsOwnType) {
  const std::string twice = with(invite, "Contact:", "From: <sip:evil@example.com>\r\nContact:");
  const Sofia parsed(twice);
  EXPECT_EQ(parsed.extracted(), 1);
  ASSERT_NE(parsed.sip()->sip_error, nullptr);
  EXPECT_EQ(parsed.sip()->sip_error->er_common->h_class, sip_from_class) << "reading it as sip_error_t would read a From's fields";
  EXPECT_EQ(our_status(twice), 400);
}

TEST(SofiaTrap, NulHidesTheRestOfAMessage) {
  std::string nul = invite;
  nul[nul.find("Phone")] = '\0';
  EXPECT_NE(Sofia(nul).extracted(), 1);
  RawMessage m;
  EXPECT_EQ(prescreen(nul, m).defect, Defect::control_character);
}

TEST(SofiaTrap, MaxForwardsOfZeroWrapsWhenDecremented) {
  const std::string zero = with(invite, "Max-Forwards: 70", "Max-Forwards: 0");
  const Sofia parsed(zero);
  auto count = parsed.sip()->sip_max_forwards->mf_count;
  EXPECT_GT(--count, 0U);
  EXPECT_EQ(our_status(zero), 483);
}

TEST(SofiaTrap, OnlyExtractCopyKeepsHeadersAsTheyCame) {
  const std::string odd = with(with(invite, "From: ", "f:   "), "Contact:", "X-Odd:   a\r\n  b\r\nContact:");
  EXPECT_EQ(Sofia(odd, MSG_DO_EXTRACT_COPY).serialised(), odd);
  EXPECT_NE(Sofia(odd).serialised(), odd);
  RawMessage m;
  ASSERT_EQ(prescreen(odd, m).result, PrescreenResult::message);
  Editor editor;
  editor.reset(m);
  std::string out;
  ASSERT_TRUE(editor.serialise(out));
  EXPECT_EQ(out, odd) << "which is why we splice bytes and never serialise with it";
}

TEST(SofiaTrap, AddingAHeaderToAParsedMessageAppendsItAfterTheBody) {
  Sofia parsed(invite, MSG_DO_EXTRACT_COPY);
  ASSERT_EQ(msg_header_add_str(parsed.msg(), nullptr, "X-New: 1\r\n"), 0);
  EXPECT_EQ(parsed.serialised(), invite + "X-New: 1\r\n");
  RawMessage m;
  ASSERT_EQ(prescreen(invite, m).result, PrescreenResult::message);
  Editor editor;
  editor.reset(m);
  editor.append("X-New", "1");
  std::string out;
  ASSERT_TRUE(editor.serialise(out));
  EXPECT_EQ(out, with(invite, "\r\n\r\n", "\r\nX-New: 1\r\n\r\n"));
}

TEST(SofiaTrap, SettersLetLineEndsThrough) {
  Sofia parsed(invite, MSG_DO_EXTRACT_COPY);
  auto* subject = sip_subject_make(msg_home(parsed.msg()), "a\r\nX-Evil: 1");
  ASSERT_NE(subject, nullptr);
  msg_header_insert(parsed.msg(), nullptr, reinterpret_cast<msg_header_t*>(subject));
  EXPECT_NE(parsed.serialised().find("\r\nX-Evil: 1\r\n"), std::string::npos);
  // EditorTest.LetsNobodyInjectAHeader shows ours.
}

TEST(SofiaTrap, PreloadingMoreThanSixteenBitsPreloadsNothing) {
  const auto preloaded = [](isize_t size) {
    auto* home = static_cast<su_home_t*>(su_home_new(sizeof(su_home_t)));
    su_home_init_stats(home);
    su_home_preload(home, 1, size);
    EXPECT_NE(su_alloc(home, 1000), nullptr);
    su_home_stat_t stats{};
    stats.hs_size = sizeof stats;
    su_home_get_stats(home, 0, &stats, sizeof stats);
    su_home_unref(home);
    return stats.hs_preload.hsp_size;
  };
  EXPECT_EQ(preloaded(65'000), 65'000U);
  EXPECT_LT(preloaded(65'536), 64U);
  // The largest message still parses: the wrapper caps what it asks for.
  EXPECT_EQ(our_status(with(invite, "Content-Length: 5\r\n", "") + std::string(Bounds::message - invite.size(), 'x')), 0);
}

}  // namespace
}  // namespace postern::sip
