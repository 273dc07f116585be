#include "acl/geo.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <random>

#include "support.hpp"

namespace postern::acl {
namespace {

std::shared_ptr<const GeoDatabase> open_database(const std::filesystem::path& path) {
  auto result = GeoDatabase::open(path);
  if (const auto* error = std::get_if<std::string>(&result)) throw std::runtime_error(*error);
  return std::get<0>(result);
}

std::string error_of(const std::filesystem::path& path) {
  const auto result = GeoDatabase::open(path);
  const auto* error = std::get_if<std::string>(&result);
  return error == nullptr ? "" : *error;
}

void write_file(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

class GeoTestData : public ::testing::Test {
 protected:
  void SetUp() override { POSTERN_NEEDS_TEST_DATA(); }
  std::filesystem::path folder_ = testing::data_folder() / "mmdb";
};

TEST_F(GeoTestData, FindsWhatLibmaxminddbFinds) {
  std::ifstream lookups(folder_ / "LOOKUPS.tsv");
  std::string ip;
  std::string country_db;
  std::string country;
  std::string registered;
  std::string asn_db;
  std::string asn;
  std::getline(lookups, ip);  // the column names
  int rows = 0;
  while (lookups >> ip >> country_db >> country >> registered >> asn_db >> asn) {
    const auto countries = open_database(folder_ / (country_db + ".mmdb"));
    const auto asns = open_database(folder_ / (asn_db + ".mmdb"));
    const std::string expected = country != "none" ? country : registered;
    EXPECT_EQ(countries->country(address(ip)).to_string(), expected == "none" ? "" : expected) << ip;
    EXPECT_EQ(asns->asn(address(ip)), asn == "none" ? 0 : std::stoul(asn)) << ip;
    ++rows;
  }
  EXPECT_GE(rows, 40);
}

TEST_F(GeoTestData, OpensEveryLayoutOfTheFormat) {
  for (const char* name : {"MaxMind-DB-test-ipv4-24", "MaxMind-DB-test-ipv6-28", "MaxMind-DB-test-mixed-32",
                           "MaxMind-DB-no-ipv4-search-tree", "MaxMind-DB-test-metadata-pointers"}) {
    const auto database = open_database(folder_ / (std::string(name) + ".mmdb"));
    for (const char* ip : {"1.1.1.1", "::1:ffff:ffff", "2001:db8::1"}) {
      EXPECT_EQ(database->country(address(ip)), Country{}) << name;
      EXPECT_EQ(database->asn(address(ip)), 0U) << name;
    }
  }
}

// libmaxminddb maps the file that it opens: without the private copy the first look-up after this would end the process with SIGBUS.
TEST_F(GeoTestData, SurvivesARewriteInPlace) {
  const TemporaryFolder folder;
  const auto path = folder / "country.mmdb";
  std::filesystem::copy_file(folder_ / "GeoLite2-Country-Test.mmdb", path);
  const auto database = open_database(path);
  std::filesystem::resize_file(path, 0);
  EXPECT_EQ(database->country(address("81.2.69.160")).to_string(), "GB");
  write_file(path, std::string(100'000, '\xff'));
  EXPECT_EQ(database->country(address("2001:218::1")).to_string(), "JP");
  std::filesystem::remove(path);
  EXPECT_EQ(database->country(address("89.160.20.112")).to_string(), "SE");
}

TEST_F(GeoTestData, RefusesATruncatedFile) {
  const TemporaryFolder folder;
  const std::string whole = testing::read_file(folder_ / "GeoLite2-Country-Test.mmdb");
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1000}, whole.size() / 2, whole.size() - 200}) {
    write_file(folder / "cut.mmdb", whole.substr(0, size));
    EXPECT_NE(error_of(folder / "cut.mmdb"), "") << size;
  }
}

TEST_F(GeoTestData, RefusesAFileWhoseTreeWasOverwritten) {
  const TemporaryFolder folder;
  std::string content = testing::read_file(folder_ / "GeoLite2-Country-Test.mmdb");
  std::fill_n(content.begin(), content.size() / 2, '\x7f');
  write_file(folder / "bad.mmdb", content);
  EXPECT_NE(error_of(folder / "bad.mmdb").find("bad.mmdb: is damaged"), std::string::npos);
}

TEST_F(GeoTestData, DamageNeverCrashes) {
  const TemporaryFolder folder;
  const std::string whole = testing::read_file(folder_ / "GeoLite2-ASN-Test.mmdb");
  std::mt19937_64 random(3);
  int opened = 0;
  for (int round = 0; round < 200; ++round) {
    std::string content = whole;
    for (int i = 0; i < 20; ++i) content[random() % content.size()] = static_cast<char>(random());
    write_file(folder / "damaged.mmdb", content);
    auto result = GeoDatabase::open(folder / "damaged.mmdb");
    const auto* database = std::get_if<0>(&result);
    if (database == nullptr) continue;
    ++opened;
    for (int i = 0; i < 200; ++i) {
      const Address wanted = Address::v4(static_cast<std::uint32_t>(random()));
      (void)(*database)->asn(wanted);
      (void)(*database)->country(wanted);
    }
  }
  EXPECT_GT(opened, 0);
}

TEST(GeoDatabase, SaysWhatIsWrongWithTheFile) {
  const TemporaryFolder folder;
  EXPECT_NE(error_of(folder / "missing.mmdb").find("missing.mmdb: No such file"), std::string::npos);
  write_file(folder / "text.mmdb", std::string(5000, 'x'));
  EXPECT_NE(error_of(folder / "text.mmdb").find("text.mmdb: is not a sound MaxMind DB"), std::string::npos);
  EXPECT_NE(error_of("/dev/null").find("not a regular file"), std::string::npos);
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_NE(error_of(folder / "fifo").find("not a regular file"), std::string::npos);
  EXPECT_NE(error_of(folder / "fifo").size(), 0U);
}

class MadeDatabase : public ::testing::Test {
 protected:
  std::shared_ptr<const GeoDatabase> make(const std::string& layout, int ip_version, const std::string& rows) {
    const auto path = folder_ / (layout + ".mmdb");
    return make_mmdb(path, layout, ip_version, rows) ? open_database(path) : nullptr;
  }
  TemporaryFolder folder_;
};

#define SKIP_WITHOUT(database) \
  if (!(database)) GTEST_SKIP() << "the Perl module MaxMind::DB::Writer is missing"

TEST_F(MadeDatabase, FlatLayoutWithNumbers) {
  const auto database = make("flat", 6, "127.0.0.0/8 NO 64500\n2001:db8::/32 ca 64501\n203.0.113.0/24 - 64502\n198.51.100.0/24 USA -\n");
  SKIP_WITHOUT(database);
  EXPECT_EQ(database->country(address("127.0.0.1")).to_string(), "NO");
  EXPECT_EQ(database->asn(address("127.0.0.1")), 64500U);
  EXPECT_EQ(database->country(address("2001:db8::1")).to_string(), "CA");
  EXPECT_EQ(database->asn(address("2001:db8::1")), 64501U);
  EXPECT_EQ(database->country(address("203.0.113.1")), Country{});
  EXPECT_EQ(database->asn(address("203.0.113.1")), 64502U);
  EXPECT_EQ(database->country(address("198.51.100.1")), Country{}) << "three letters are no country";
  EXPECT_EQ(database->country(address("192.0.2.1")), Country{});
}

TEST_F(MadeDatabase, FlatLayoutWithText) {
  const auto database =
      make("text", 6, "192.0.2.0/24 US AS64500\n198.51.100.0/24 US 64501\n203.0.113.0/24 US AS99999999999\n2001:db8::/32 US ASx\n");
  SKIP_WITHOUT(database);
  EXPECT_EQ(database->asn(address("192.0.2.1")), 64500U);
  EXPECT_EQ(database->asn(address("198.51.100.1")), 64501U);
  EXPECT_EQ(database->asn(address("203.0.113.1")), 0U);
  EXPECT_EQ(database->asn(address("2001:db8::1")), 0U);
}

TEST_F(MadeDatabase, RegisteredCountryIsTheLastResort) {
  const auto database = make("registered", 6, "192.0.2.0/24 FR -\n");
  SKIP_WITHOUT(database);
  EXPECT_EQ(database->country(address("192.0.2.1")).to_string(), "FR");
}

TEST_F(MadeDatabase, AnIpv4DatabaseKnowsNoIpv6) {
  const auto database = make("nested", 4, "192.0.2.0/24 DE 64500\n");
  SKIP_WITHOUT(database);
  EXPECT_EQ(database->country(address("192.0.2.1")).to_string(), "DE");
  EXPECT_EQ(database->asn(address("::ffff:192.0.2.1")), 64500U);
  EXPECT_EQ(database->country(address("2001:db8::1")), Country{});
  EXPECT_EQ(database->asn(address("2001:db8::1")), 0U);
}

TEST_F(MadeDatabase, GeoHasWordsForWhatItDoesNotKnow) {
  const auto database = make("flat", 6, "10.1.0.0/16 NO 64500\n192.0.2.0/24 SE 64501\n");
  SKIP_WITHOUT(database);
  const Geo geo{database, nullptr};
  EXPECT_EQ(geo.country(address("192.0.2.1")).to_string(), "SE");
  EXPECT_EQ(geo.country(address("10.1.0.1")).to_string(), "NO") << "the database goes before the word";
  EXPECT_EQ(geo.country(address("10.2.0.1")), Country::private_);
  EXPECT_EQ(geo.country(address("fd00::1")), Country::private_);
  EXPECT_EQ(geo.country(address("203.0.113.1")), Country::unknown);
  EXPECT_EQ(geo.asn(address("192.0.2.1")), 0U);
  EXPECT_EQ((Geo{nullptr, database}.asn(address("192.0.2.1"))), 64501U);
  EXPECT_EQ((Geo{nullptr, database}.country(address("192.0.2.1"))), Country{});
}

}  // namespace
}  // namespace postern::acl
