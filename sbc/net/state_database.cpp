#include "sbc/net/state_database.hpp"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "sbc/bytes.hpp"

namespace postern::net {
namespace {

using Kind = StateDatabaseError::Kind;

constexpr const char* database_file = "/state.db";
constexpr int patience_ms = 2000;        // with who reads it meanwhile
constexpr int longest_value = 1 << 20U;  // of a row; ours are far shorter
constexpr const char* create =
    "begin immediate;"
    "create table records(kind text not null, key blob not null, ends integer not null, value blob not null, round integer not null,"
    " primary key(kind, key)) without rowid;"
    "pragma user_version = 1;"
    "commit;";

std::string path_of(const std::string& folder) { return folder + database_file; }

/// SQLITE_OPEN_NOFOLLOW forbids links anywhere on the way; the folder itself may be reached by one (systemd's DynamicUser makes one).
std::string path_to_open(const std::string& folder) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(folder, error);
  return path_of(error ? folder : real.string());
}

Kind kind_of_error(int code) {
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_ERROR:  // a table or a column that is not there
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
      return Kind::broken;
    default:
      return Kind::failed;
  }
}

constexpr std::array<std::string_view, 11> words{
    {"", "registration", "ban", "trust", "token_inward", "token_outward", "", "", "block", "offence", "acceptance"}};

std::string_view word_of(RecordKind kind) { return words.at(static_cast<std::size_t>(kind)); }

/// 0: no word of ours.
std::size_t kind_of_word(std::string_view word) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (!word.empty() && words.at(i) == word) return i;
  }
  return 0;
}

}  // namespace

struct StateDatabase::Impl {
  struct Close {
    void operator()(sqlite3* open) const { sqlite3_close(open); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

  [[noreturn]] void fail(int code) const {
    throw StateDatabaseError(kind_of_error(code), db ? sqlite3_errmsg(db.get()) : sqlite3_errstr(code));
  }
  void run(const char* sql) const {
    if (const int code = sqlite3_exec(db.get(), sql, nullptr, nullptr, nullptr); code != SQLITE_OK) fail(code);
  }
  [[nodiscard]] Statement prepare(const char* sql) const {
    sqlite3_stmt* statement = nullptr;
    if (const int code = sqlite3_prepare_v3(db.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr); code != SQLITE_OK)
      fail(code);
    return Statement(statement);
  }
  /// True: there is a row.
  [[nodiscard]] bool step(const Statement& statement) const {
    const int code = sqlite3_step(statement.get());
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
      sqlite3_reset(statement.get());
      fail(code);
    }
    return code == SQLITE_ROW;
  }
  void run(const Statement& statement) const {
    while (step(statement)) {
    }
    sqlite3_reset(statement.get());
    sqlite3_clear_bindings(statement.get());
  }
  [[nodiscard]] std::int64_t number(const char* sql) const {
    const Statement statement = prepare(sql);
    return step(statement) ? sqlite3_column_int64(statement.get(), 0) : 0;
  }
  void bind(const Statement& statement, int place, std::int64_t number_value) const {
    if (const int code = sqlite3_bind_int64(statement.get(), place, number_value); code != SQLITE_OK) fail(code);
  }
  void bind_text(const Statement& statement, int place, std::string_view text) const {
    const int code = sqlite3_bind_text(statement.get(), place, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
    if (code != SQLITE_OK) fail(code);
  }
  /// `bytes` must have an address: a blob without one would be no value.
  void bind_blob(const Statement& statement, int place, std::string_view bytes) const {
    const int code = sqlite3_bind_blob(statement.get(), place, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
    if (code != SQLITE_OK) fail(code);
  }
  static std::string_view column(const Statement& statement, int place) {
    const void* bytes = sqlite3_column_blob(statement.get(), place);
    const int size = sqlite3_column_bytes(statement.get(), place);
    return bytes == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }

  void check_schema(Access access) const {
    const std::int64_t version = number("pragma user_version");
    if (version > schema) throw StateDatabaseError(Kind::newer, fmt::format("its version is {}, this Postern knows {}", version, schema));
    if (version == 0 && number("select count(*) from sqlite_schema") == 0 && access == Access::read_write) {
      run(create);
    } else if (version != schema) {
      throw StateDatabaseError(Kind::broken, "it is no database of Postern's");
    }
  }
  void prepare_changes() {
    put = prepare("insert or replace into records(kind, key, ends, value, round) values(?1, ?2, ?3, ?4, ?5)");
    remove = prepare("delete from records where kind = ?1 and key = ?2");
    begin_round =
        prepare("insert or replace into records(kind, key, ends, value, round) values('round', x'', 9223372036854775807, x'', ?1)");
    remove_round = prepare("delete from records where round <> ?1");
    remove_ended = prepare("delete from records where ends <= ?1");
    round = number("select coalesce(max(round), 0) from records");
  }

  void apply(const Record& record) {
    switch (record.kind) {
      case RecordKind::retell_begins:
        // Written down: the rest of the retelling may be folded after the next start.
        bind(begin_round, 1, ++round);
        return run(begin_round);
      case RecordKind::retell_ends:
        bind(remove_round, 1, round);
        return run(remove_round);
      default:
        break;
    }
    const Statement& statement = record.removed ? remove : put;
    bind_text(statement, 1, word_of(record.kind));
    bind_blob(statement, 2, record.key.empty() ? std::string_view("") : record.key);
    if (!record.removed) {
      value.clear();
      sbc::put_number(value, checksum_of(record));
      value += record.value;
      bind(statement, 3, record.ends);
      bind_blob(statement, 4, value);
      bind(statement, 5, round);
    }
    run(statement);
  }

  /// The database has no checksums of its own.
  std::uint64_t checksum_of(const Record& record) {
    summed.clear();
    sbc::put_number(summed, static_cast<std::uint8_t>(record.kind));
    sbc::put_number(summed, static_cast<std::uint64_t>(record.ends));
    sbc::put_text(summed, record.key);
    summed += record.value;
    return checksum(summed);
  }

  std::unique_ptr<sqlite3, Close> db;
  Statement put, remove, begin_round, remove_round, remove_ended;
  std::int64_t round = 0;  ///< of retelling: what an older one left is what no longer stands
  std::string value, summed;
};

StateDatabase::StateDatabase(const std::string& folder, Access access) : impl_(std::make_unique<Impl>()) {
  const bool writes = access == Access::read_write;
  sqlite3* opened = nullptr;
  const int flags =
      (writes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
  const mode_t mask = ::umask(077);
  const int code = sqlite3_open_v2(path_to_open(folder).c_str(), &opened, flags, nullptr);
  ::umask(mask);
  impl_->db.reset(opened);
  if (code != SQLITE_OK) impl_->fail(code);
  sqlite3_extended_result_codes(opened, 1);
  sqlite3_busy_timeout(opened, patience_ms);
  sqlite3_limit(opened, SQLITE_LIMIT_LENGTH, longest_value);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  impl_->run("pragma cell_size_check = on");
  impl_->check_schema(access);
  if (!writes) return;
  // The spool outlives a kill of the process; what a loss of power may cost is the last commit, never the database.
  impl_->run("pragma journal_mode = truncate");
  impl_->run("pragma synchronous = normal");
  impl_->run("pragma cache_size = -16384");  // of KiB, at most: the whole of what a few ten thousand phones take
  impl_->prepare_changes();
}

StateDatabase::~StateDatabase() = default;
StateDatabase::StateDatabase(StateDatabase&&) noexcept = default;
StateDatabase& StateDatabase::operator=(StateDatabase&&) noexcept = default;

void StateDatabase::each(const std::function<void(const Record&)>& visit) {
  const Impl::Statement rows = impl_->prepare("select kind, key, ends, value from records where kind <> 'round'");
  while (impl_->step(rows)) {
    Record record;
    const std::size_t kind = kind_of_word(Impl::column(rows, 0));
    record.key = Impl::column(rows, 1);
    record.ends = sqlite3_column_int64(rows.get(), 2);
    sbc::ByteReader value(Impl::column(rows, 3));
    const auto sum = value.number<std::uint64_t>();
    record.value = value.take_all();
    record.kind = static_cast<RecordKind>(kind);
    // What does not bear its sum was changed by the disk or by hand; the record is given as of no use, so that it is counted.
    if (kind == 0 || !value.ok() || impl_->checksum_of(record) != sum) record = {RecordKind::retell_ends, false, 0, {}, {}};
    visit(record);
  }
}

bool StateDatabase::fold(const Unfolded& records, const std::function<std::string_view(const Unfolded::Place&)>& text) {
  impl_->run("begin immediate");
  const std::int64_t round = impl_->round;
  bool whole = true;
  try {
    for (const Unfolded::Place& place : records.places()) {
      std::string_view bytes = text(place);
      const std::optional<Record> record = take_record(bytes);
      if (record) impl_->apply(*record);
      whole = whole && record.has_value();
    }
    impl_->run("commit");
  } catch (...) {
    impl_->round = round;
    sqlite3_exec(impl_->db.get(), "rollback", nullptr, nullptr, nullptr);
    throw;
  }
  return whole;
}

void StateDatabase::remove_ended(WallTime now) {
  impl_->bind(impl_->remove_ended, 1, now);
  impl_->run(impl_->remove_ended);
}

bool StateDatabase::moved() const {
  int moved = 0;
  return sqlite3_file_control(impl_->db.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0;
}

bool StateDatabase::exists(const std::string& folder) {
  struct stat status{};
  return ::lstat(path_of(folder).c_str(), &status) == 0;
}

bool StateDatabase::set_aside(const std::string& folder) {
  if (!exists(folder)) return false;
  const auto name = [&](int number) { return fmt::format("{}.broken-{}", path_of(folder), number); };
  for (int number = most_broken - 1; number > 0; --number) std::rename(name(number).c_str(), name(number + 1).c_str());
  if (std::rename(path_of(folder).c_str(), name(1).c_str()) != 0) return false;
  // Its journal belongs to it alone.
  std::rename((path_of(folder) + "-journal").c_str(), (name(1) + "-journal").c_str());
  return true;
}

}  // namespace postern::net
