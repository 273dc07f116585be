#include "sbc/net/log.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sbc/net/escape.hpp"
#include "sbc/net/thread_name.hpp"

namespace postern::net {

namespace {

constexpr std::size_t queued_lines = 1024;
constexpr const char* text_pattern = "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
constexpr const char* json_pattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v)";

class StreamSink final : public spdlog::sinks::stdout_sink_base<spdlog::details::console_mutex> {
 public:
  explicit StreamSink(std::FILE* stream) : stdout_sink_base(stream) {}
};

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      break;
  }
  return spdlog::level::err;
}

std::string text_line(std::string_view event, std::span<const Log::Field> fields) {
  std::string line = "event=";
  append_text_value(line, event);
  for (const Log::Field& field : fields) {
    if (field.value.empty()) continue;
    line += ' ';
    line += field.key;
    line += '=';
    append_text_value(line, field.value);
  }
  return line;
}

/// The object without its first brace: the sink's pattern writes that, the time and the level.
std::string json_line(std::string_view event, std::span<const Log::Field> fields) {
  nlohmann::ordered_json object;
  object["event"] = event;
  for (const Log::Field& field : fields) {
    if (field.value.empty()) continue;
    if (field.number) {
      object[std::string(field.key)] = nlohmann::ordered_json::parse(field.value, nullptr, false);
    } else {
      object[std::string(field.key)] = cut_value(field.value);
    }
  }
  return object.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace).substr(1);
}

LogLevel level_of(const sbc::Event& event) {
  const bool grave = event.kind == sbc::EventKind::ban || event.kind == sbc::EventKind::block ||
                     event.kind == sbc::EventKind::opaque_not_returned || event.kind == sbc::EventKind::no_audio_likely ||
                     event.kind == sbc::EventKind::callers_hidden || event.kind == sbc::EventKind::pbx_down ||
                     event.kind == sbc::EventKind::emergency_call || event.kind == sbc::EventKind::new_country ||
                     event.kind == sbc::EventKind::call_prefixes;
  if (grave) return LogLevel::warning;
  const sbc::EventKind kind = event.kind == sbc::EventKind::suppressed ? event.of : event.kind;
  return kind == sbc::EventKind::refused_other ? LogLevel::debug : LogLevel::info;
}

std::string number_text(std::uint64_t value) { return value == 0 ? std::string() : std::to_string(value); }

}  // namespace

std::string_view word_of(sbc::EventKind kind) {
  switch (kind) {
    case sbc::EventKind::refused:
    case sbc::EventKind::refused_other:
      return "refused";
    case sbc::EventKind::connection_refused:
      return "connection_refused";
    case sbc::EventKind::would_refuse:
      return "would_refuse";
    case sbc::EventKind::would_ban:
      return "would_ban";
    case sbc::EventKind::strike:
      return "strike";
    case sbc::EventKind::ban:
      return "ban";
    case sbc::EventKind::block:
      return "block";
    case sbc::EventKind::unban:
      return "unban";
    case sbc::EventKind::registered:
      return "registered";
    case sbc::EventKind::unregistered:
      return "unregistered";
    case sbc::EventKind::redirect_blocked:
      return "redirect_blocked";
    case sbc::EventKind::call_prefixes:
      return "call_prefixes";
    case sbc::EventKind::answer_concealed:
      return "answer_concealed";
    case sbc::EventKind::opaque_not_returned:
      return "opaque_not_returned";
    case sbc::EventKind::callers_hidden:
      return "callers_hidden";
    case sbc::EventKind::no_audio_likely:
      return "no_audio_likely";
    case sbc::EventKind::emergency_call:
      return "emergency_call";
    case sbc::EventKind::new_country:
      return "new_country";
    case sbc::EventKind::pbx_down:
      return "pbx_down";
    case sbc::EventKind::pbx_up:
      return "pbx_up";
    case sbc::EventKind::suppressed:
      break;
  }
  return "suppressed";
}

struct Log::Impl {
  explicit Impl(std::FILE* stream) : text(logger(stream, text_pattern)), json(logger(stream, json_pattern)) {}

  std::shared_ptr<spdlog::async_logger> logger(std::FILE* stream, const char* pattern) {
    auto made = std::make_shared<spdlog::async_logger>("postern", std::make_shared<StreamSink>(stream), pool,
                                                       spdlog::async_overflow_policy::overrun_oldest);
    made->set_level(spdlog::level::trace);
    made->set_pattern(pattern, spdlog::pattern_time_type::utc);
    return made;
  }

  std::shared_ptr<spdlog::details::thread_pool> pool =
      std::make_shared<spdlog::details::thread_pool>(queued_lines, 1, [] { name_this_thread("postern/log"); });
  // One for each format, so that a line that is queued keeps its own when that is changed.
  std::shared_ptr<spdlog::async_logger> text;
  std::shared_ptr<spdlog::async_logger> json;
};

Log::Log(const LogOptions& options, std::FILE* stream) : options_(options), impl_(std::make_unique<Impl>(stream)) {}

Log::~Log() {
  // The pool's thread writes what is queued and is joined; only then may the loggers go.
  impl_->pool.reset();
}

void Log::apply(const LogOptions& options) { options_ = options; }

void Log::write(LogLevel level, std::string_view event, std::span<const Field> fields) {
  if (!enabled(level)) return;
  const bool json = options_.load().format == LogFormat::json;
  const std::string line = json ? json_line(event, fields) : text_line(event, fields);
  (json ? impl_->json : impl_->text)->log(to_spdlog(level), spdlog::string_view_t(line));
}

bool Log::shows(const sbc::Event& event) const { return enabled(level_of(event)); }

void Log::on_event(const sbc::Event& event) {
  const LogLevel level = level_of(event);
  if (!enabled(level)) return;
  const bool has_source = event.source != sbc::Endpoint{};
  // an unban is told by address alone
  const std::string source = !has_source              ? std::string()
                             : event.source.port == 0 ? event.source.address.to_string()
                                                      : event.source.to_string();
  const bool has_reason = event.reason != sbc::Outcome::forwarded;
  const auto seconds = static_cast<std::uint64_t>(std::max<std::chrono::seconds::rep>(event.duration.count(), 0));
  const std::string duration = number_text(seconds);
  const std::string count = number_text(event.count);
  // What the network can choose stands last, so that a filter finds source before anything that was made to look like it.
  write(level, word_of(event.kind),
        {{"of", event.kind == sbc::EventKind::suppressed ? word_of(event.of) : std::string_view()},
         {"reason", event.cause  ? sbc::word_of(*event.cause)
                    : has_reason ? sbc::info(event.reason).word
                                 : std::string_view()},
         {"rule", event.rule},
         {"source", source},
         {"country", event.country},
         {"duration_s", duration, true},
         {"count", count, true},
         {"method", event.method},
         {"device", event.device},
         {"class", event.number_class},
         {"number", event.number},
         {"user_agent", event.user_agent},
         {"call_id", event.call_id},
         {"id", event.id},
         {"proof", event.kind != sbc::EventKind::emergency_call ? ""
                   : event.proven                               ? "proven"
                                                                : "unproven"},
         {"listener", event.listener},
         {"detail", event.detail},
         {"address", event.address == sbc::Endpoint{} ? std::string() : event.address.to_string()},
         {"message", event.message}});
}

std::size_t Log::lost_lines() const { return impl_->pool->overrun_counter(); }

}  // namespace postern::net
