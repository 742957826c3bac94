#include "tools/weft/w8a8_report.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "tools/weft/printable.h"

namespace weft::cli {

namespace {

using nlohmann::ordered_json;

std::string decision(const W8A8Linear& linear) {
  if (linear.kept) return "float";
  return linear.shadow ? "shadow" : linear.outliers == 0 ? "int8" : "clipped";
}

// Outliers that are in hot channels.
std::string hot_share(const W8A8Linear& linear) {
  if (linear.outliers == 0) return {};
  const int64_t hot =
      std::accumulate(linear.hot_counts.begin(), linear.hot_counts.end(), int64_t{0});
  return fmt::format("{:.0f} %", 100 * double(hot) / double(linear.outliers));
}

double decibel(double error) { return error > 0 ? -10 * std::log10(error) : INFINITY; }

}  // namespace

void print_w8a8_table(const W8A8Report& report) {
  size_t widest = 6;
  for (const W8A8Linear& one : report.linears)
    widest = std::max(widest, printable(one.name).size());
  fmt::print("{:<{}} {:>12} {:>8} {:>9} {:>8} {:>10} {:<8} {:>8} {:>6} {:>8}\n", "linear", widest,
             "K x N", "max", "p99.9", "max/p99.9", "step", "as", "channels", "in hot", "SQNR dB");
  for (const W8A8Linear& one : report.linears) {
    fmt::print("{:<{}} {:>12} {:>8.4g} {:>9.4g} {:>8.1f} {:>10.4g} {:<8} {:>8} {:>6} {:>8}\n",
               printable(one.name), widest, fmt::format("{} x {}", one.k, one.n), one.largest,
               one.percentile, one.importance(), one.step, decision(one),
               one.kept ? "" : std::to_string(one.outlier_channels), hot_share(one),
               one.kept ? "" : fmt::format("{:.1f}", decibel(one.error)));
  }
  for (const std::string& left : report.left) fmt::print("left: {}\n", printable(left));
  fmt::print(
      "{:.1f} % of the multiply-adds of a prompt's linears are int8; {:.0f} % of those linears "
      "have no shadow\n",
      100 * report.int8_share, 100 * report.pruned);
}

void print_w8a8_json(const W8A8Report& report) {
  ordered_json document = {{"linears", ordered_json::array()}, {"left", report.left}};
  for (const W8A8Linear& one : report.linears) {
    ordered_json line = {{"name", one.name},
                         {"products", one.products},
                         {"k", one.k},
                         {"n", one.n},
                         {"rows", one.rows},
                         {"largest", one.largest},
                         {"percentile_99_9", one.percentile},
                         {"importance", one.importance()},
                         {"as", decision(one)}};
    if (!one.kept) {
      line["step"] = one.step;
      line["sqnr_db"] = one.error > 0 ? ordered_json(decibel(one.error)) : ordered_json();
      line["outliers"] = one.outliers;
      line["outlier_channels"] = one.outlier_channels;
      line["hot_channels"] = one.hot;
      line["hot_counts"] = one.hot_counts;
    }
    document["linears"].push_back(std::move(line));
  }
  document["int8_share"] = report.int8_share;
  document["pruned"] = report.pruned;
  fmt::print("{}\n", document.dump(1));
}

}  // namespace weft::cli
