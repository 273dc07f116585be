// Whom alerts reach.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "config/resolve.hpp"

namespace postern::config {
namespace {

/// Why Postern, as the user that it runs as now, could not run that program; empty: it can.
std::string why_not_run(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status))
    return fmt::format("{}: {}", path, std::make_error_code(std::errc::no_such_file_or_directory).message());
  if (!std::filesystem::is_regular_file(status)) return fmt::format("{} is no file", path);
  if (::access(path.c_str(), X_OK) != 0) return fmt::format("{} may not be run by this user: chmod +x, if it is a program", path);
  return {};
}

void check_webhook(const net::WebhookOptions& to, const Where& at, Report& report) {
  const auto address = acl::Address::parse(to.host);
  if (to.tls || (address && address->is_private())) return;
  report.warning(at,
                 "http:// tells everybody on the way who is banned and who calls whom, and nobody proves to be the server: use https://");
}

}  // namespace

void resolve_alerts(Draft& draft, const std::string& directory, Report& report) {
  if (!draft.alerts) return;
  net::AlertOptions& alerts = *draft.config.shell.alerts;
  if (alerts.webhook) check_webhook(*alerts.webhook, *draft.alerts->webhook_at, report);
  if (draft.alerts->command_at) {
    alerts.command = absolute_path(directory, alerts.command);
    if (const std::string why = why_not_run(alerts.command); !why.empty()) report.error(*draft.alerts->command_at, why);
  }
  const bool any = draft.alerts->webhook_at || draft.alerts->command_at || report.has_errors_at("alerts");
  if (!any) report.warning(draft.alerts->at, "nobody is told: write `webhook`, `command` or both");
}

}  // namespace postern::config
