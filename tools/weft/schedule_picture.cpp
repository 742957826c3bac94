#include "tools/weft/schedule_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace weft::cli {

namespace {

constexpr double kWidth = 1200, kLeft = 110, kTop = 64, kRow = 46, kGap = 14, kThin = 8;
constexpr uint32_t kColours = 8;

double length_us(const ScheduleTrace& trace) {
  double end = 0;
  for (const ScheduleTrace::Span& span : trace.spans) end = std::max(end, span.end_us);
  return std::max(end, 1e-3);
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20)
      out += c;
  }
  return out;
}

// Hues a golden angle apart: neighbours differ, whatever their number.
std::string colour(uint32_t chunk) {
  return fmt::format("hsl({:.0f} 62% {}%)", std::fmod(210 + 137.5 * double(chunk), 360),
                     chunk / kColours % 2 ? 44 : 58);
}

// 1, 2 or 5 times a power of ten, so that there are about ten ticks.
double tick_us(double length) {
  const double power = std::pow(10, std::floor(std::log10(length / 10)));
  for (const double step : {1.0, 2.0, 5.0})
    if (length / (step * power) <= 12) return step * power;
  return 10 * power;
}

// Stages fill the row; copies and waits are thin lines under the host's.
std::string rectangle(const ScheduleTrace::Span& span, double scale) {
  const bool is_stage = span.kind == "stage";
  const double y = kTop + double(span.processor) * (kRow + kGap) + (is_stage ? 0 : kRow - kThin);
  const double height = is_stage ? kRow - kThin - 2 : kThin;
  const std::string fill = is_stage ? colour(span.chunk) : span.kind == "copy" ? "#333" : "#ccc";
  std::string title = fmt::format("{}, chunk {}, stage {}: {:.3f} ms from {:.3f} ms",
                                  escaped(span.name), span.chunk, span.stage,
                                  (span.end_us - span.begin_us) / 1000, span.begin_us / 1000);
  if (span.kind == "copy") title += fmt::format(", {} bytes", span.bytes);
  return fmt::format(
      "<rect x=\"{:.2f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{:.1f}\" fill=\"{}\">"
      "<title>{}</title></rect>\n",
      kLeft + span.begin_us * scale, y, std::max((span.end_us - span.begin_us) * scale, 0.3),
      height, fill, title);
}

std::string axis(double length, double scale, double bottom) {
  std::string out;
  const double step = tick_us(length);
  for (double at = 0; at <= length + step / 1000; at += step) {
    const double x = kLeft + at * scale;
    out += fmt::format(
        "<path d=\"M{0:.1f} {1:.1f}V{2:.1f}\" stroke=\"#0002\"/>"
        "<text x=\"{0:.1f}\" y=\"{3:.1f}\" text-anchor=\"middle\">{4:g}</text>\n",
        x, kTop - 4, bottom, bottom + 16, at / 1000);
  }
  return out + fmt::format("<text x=\"{:.0f}\" y=\"{:.1f}\">ms</text>\n", kWidth - 26, bottom + 16);
}

std::string legend(const ScheduleTrace& trace, double y) {
  uint32_t chunks = 0;
  for (const ScheduleTrace::Span& span : trace.spans) chunks = std::max(chunks, span.chunk + 1);
  std::string out;
  double x = kLeft;
  for (uint32_t chunk = 0; chunk < std::min(chunks, 12u); ++chunk, x += 78) {
    out += fmt::format(
        "<rect x=\"{:.0f}\" y=\"{:.0f}\" width=\"12\" height=\"12\" fill=\"{}\"/>"
        "<text x=\"{:.0f}\" y=\"{:.0f}\">chunk {}</text>\n",
        x, y, colour(chunk), x + 16, y + 10, chunk);
  }
  return out;
}

double busy_us(const ScheduleTrace& trace, uint32_t processor) {
  double sum = 0;
  for (const ScheduleTrace::Span& span : trace.spans)
    if (span.kind == "stage" && span.processor == processor) sum += span.end_us - span.begin_us;
  return sum;
}

}  // namespace

std::string svg_of(const ScheduleTrace& trace) {
  const double length = length_us(trace), scale = (kWidth - kLeft - 20) / length;
  const double bottom = kTop + double(trace.processors.size()) * (kRow + kGap);
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
      "<text x=\"12\" y=\"22\" font-size=\"15\">{2}{3}</text>\n",
      kWidth, bottom + 56, escaped(trace.title), trace.modelled ? " (modelled time)" : "");
  out += axis(length, scale, bottom);
  for (uint32_t p = 0; p < trace.processors.size(); ++p) {
    const double y = kTop + double(p) * (kRow + kGap);
    out += fmt::format(
        "<text x=\"12\" y=\"{:.0f}\">{}</text><text x=\"12\" y=\"{:.0f}\" fill=\"#666\">idle "
        "{:.1f} %</text>\n",
        y + 16, escaped(trace.processors[p]), y + 32, 100 - 100 * busy_us(trace, p) / length);
  }
  for (const ScheduleTrace::Span& span : trace.spans) out += rectangle(span, scale);
  out += legend(trace, bottom + 30);
  return out + "</svg>\n";
}

std::string table_of(const ScheduleTrace& trace) {
  const double length = length_us(trace);
  std::string out = fmt::format("{}{}\n\n", trace.title, trace.modelled ? " (modelled time)" : "");
  out += "| what | ms | of the time |\n|---|--:|--:|\n";
  const auto row = [&](const std::string& what, double us) {
    out += fmt::format("| {} | {:.2f} | {:.1f} % |\n", what, us / 1000, 100 * us / length);
  };
  row("from the first stage to the last", length);
  for (uint32_t p = 0; p < trace.processors.size(); ++p) {
    row(trace.processors[p] + " at work", busy_us(trace, p));
    row(trace.processors[p] + " idle", length - busy_us(trace, p));
  }
  double copies = 0, waits = 0, bytes = 0;
  size_t copy_count = 0, wait_count = 0;
  for (const ScheduleTrace::Span& span : trace.spans) {
    if (span.kind == "copy") {
      copies += span.end_us - span.begin_us;
      bytes += double(span.bytes);
      ++copy_count;
    } else if (span.kind == "wait") {
      waits += span.end_us - span.begin_us;
      ++wait_count;
    }
  }
  if (trace.modelled) return out;
  row(fmt::format("{} copies of {:.1f} MiB", copy_count, bytes / (1 << 20)), copies);
  row(fmt::format("{} waits of the host for a device", wait_count), waits);
  const int64_t all = trace.rows + trace.padded_rows;
  out += fmt::format("| padding: {} of {} rows | | {:.1f} % |\n", trace.padded_rows, all,
                     all > 0 ? 100.0 * double(trace.padded_rows) / double(all) : 0.0);
  return out;
}

}  // namespace weft::cli
