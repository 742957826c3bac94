"""The report as markdown: one table for each number of bits and threads, then the machine's limits,
memory and what did not run."""

import figures


def row(first, cells):
    return f"| {first} | " + " | ".join(cells) + " |"


def _ratio(found):
    if found is None:
        return "-"
    return f"**{found[0]:.2f}** {' '.join(found[1:])}"


def engine_table(results, engines, columns, bits, threads):
    noun = "thread" if threads == 1 else "threads"
    lines = [f"### {bits}-bit weights, {threads} {noun}", "",
             row("tok/s", [column.cell for column in columns]),
             "|---|" + "--:|" * len(columns)]
    for engine in engines:
        if engine.label in results.problems and not any(
                engine.label in column.figures for column in columns):
            continue
        lines.append(row(engine.label, [str(column.figures.get(engine.label, "-"))
                                        for column in columns]))
    lines.append(row("best published, scaled",
                     [f"{column.scaled[0]:.0f} {column.scaled[1]}" if column.scaled else "-"
                      for column in columns]))
    lines.append(row("Weft / best measured", [_ratio(column.measured) for column in columns]))
    lines.append(row("Weft / best of both", [_ratio(column.hardest) for column in columns]))
    return lines + [""]


def limits_table(limits):
    if not limits:
        return ["The limits of this machine are not known.", ""]
    names = list(dict.fromkeys(name for by_name in limits.values() for name in by_name))
    lines = [row("limit (GB/s, GFLOP/s, GOP/s)",
                 [f"{threads} thr" for threads in limits]), "|---|" + "--:|" * len(limits)]
    for name in names:
        lines.append(row(name, [f"{by_name[name]:.1f}" if name in by_name else "-"
                                for by_name in limits.values()]))
    return lines + [""]


def memory_table(results, engines):
    lines = [row("engine", ["peak RSS MiB", "load s, best"]), "|---|--:|--:|"]
    for engine in engines:
        if engine.label in results.peak_rss_mib:
            lines.append(row(engine.label, [f"{results.peak_rss_mib[engine.label]:.0f}",
                                            f"{results.load_s[engine.label]:.2f}"]))
    return lines + [""]


def problems(results):
    if not results.problems:
        return []
    return ["Did not run, in part or at all:", "",
            *(f"- {label}: {sentence}" for label, sentence in results.problems.items()), ""]


def markdown(heading, results, chosen, cells, threads, limits):
    lines = [heading, ""]
    for bits in sorted({engine.bits for engine in chosen}):
        engines = [engine for engine in chosen if engine.bits == bits]
        for count in threads:
            columns = figures.columns(results, engines, cells, count, limits)
            lines += engine_table(results, engines, columns, bits, count)
    lines += memory_table(results, chosen) + limits_table(limits) + problems(results)
    return "\n".join(lines)
