// The draft's class of service -> acl::CallOptions.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "acl/call_policy.hpp"
#include "config/checks.hpp"
#include "config/resolve.hpp"
#include "config/suggest.hpp"

namespace postern::config {
namespace {

std::vector<std::string_view> names_of(const DraftCalls& calls) {
  std::vector<std::string_view> names;
  names.reserve(calls.classes.size());
  for (const DraftDialClass& each : calls.classes) names.push_back(each.name.value);
  return names;
}

acl::CallAllowance allowance_of(const DraftAllowance& written, const std::vector<std::string_view>& classes, Draft& draft,
                                Resolved& resolved, Report& report) {
  acl::CallAllowance allowance;
  if (!written.from_anywhere) allowance.source.emplace();
  for (const Located<NetworkRef>& reference : written.source)
    allowance.source->push_back(std::make_shared<const std::vector<acl::Network>>(networks_of(reference, resolved, report)));
  for (const Located<std::string>& device : written.devices) {
    note_device_key(device, draft, resolved, report);
    allowance.devices.push_back(device.value);
  }
  for (const Located<std::string>& name : written.classes) {
    if (report.full()) break;
    if (std::ranges::find(classes, name.value) == classes.end())
      report.error(name.at, fmt::format("no class is named {}{}", in_quotes(name.value), did_you_mean(name.value, classes)));
    allowance.classes.push_back(name.value);
  }
  return allowance;
}

}  // namespace

void resolve_calls(Draft& draft, Resolved& resolved, Report& report) {
  if (!draft.calls) return;
  const DraftCalls& written = *draft.calls;
  acl::CallOptions& calls = draft.config.policy.calls.emplace();
  calls.at = {report.file(), written.at.position.line};
  if (written.deny_status) calls.deny_status = *written.deny_status;
  if (written.classes.size() > acl::CallPolicy::most_classes) {
    report.error(written.classes[acl::CallPolicy::most_classes].name.at,
                 fmt::format("more than {} classes", acl::CallPolicy::most_classes));
    return;
  }
  for (const DraftDialClass& each : written.classes) {
    acl::DialClassOptions& options = calls.classes.emplace_back();
    options.name = each.name.value;
    for (const Located<std::string>& pattern : each.patterns) options.patterns.push_back(pattern.value);
  }
  const std::vector<std::string_view> classes = names_of(written);
  for (const DraftAllowance& each : written.allow) calls.allow.push_back(allowance_of(each, classes, draft, resolved, report));
}

}  // namespace postern::config
