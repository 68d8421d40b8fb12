"""Every threshold that separates trained from untrained rows, and why each has its value.

All were chosen on the 60 tables of the split ``tune`` of the study, whose truth is known: ``python -m
benchmarks.trained_range --split tune`` scores them (results: docs/measured/trained-range.md). "Fitted" marks those that
have no other reason. A false end does more harm than a missed one, so doubtful tables stay ``unknown``.
"""

# --- What can be said at all

#: Fewer positions are ``unknown``: the change point learns from 8 rows on one side and the tests need 5 on the other,
#: and the last eighth of a shorter table has too few numbers to be significant.
LEAST_ROWS = 24
#: Rows of the shortest tail that is tested; the norms of fewer rows have no trend, and their variance says nothing.
LEAST_TAIL = 5

# --- Signs that need no test: copies, equal rows, one norm

#: Rows of the shortest period of copies. A period of 1 is a run of equal rows, which has its own sign.
LEAST_PERIOD = 2
#: Equal rows at the end that are a sign; two rows of real numbers are never equal by chance.
LEAST_EQUAL_ROWS = 2
#: Relative difference of norms that are one norm. The rounding of a sinusoid in float16 stays below it (5e-4 a number);
#: norms of independent rows of width d differ by about 1/sqrt(2d), even at d = 4096 by 1e-2.
ONE_NORM = 1e-3

# --- Tests of tails

#: A tail with a larger p-value matches the initial distribution. One true end in a thousand is missed by this.
MATCHES = 1e-3
#: Of the tails that begin later, each may fall to this p-value: there are hundreds, so some fail ``MATCHES`` by chance.
MATCHES_LATER = MATCHES / 10
#: Share of the later tails that must match. Not all: beyond ``MATCHES_LATER`` one tail in ten thousand still fails.
MATCHING_SHARE = 0.97
#: Rows with a smaller p-value are surely trained. Far below ``MATCHES``, since every place of a table is tested;
#: between the two nothing is claimed. Fitted.
TRAINED = 1e-8
#: Kurtosis below which the tests of squared numbers would divide by zero: numbers that are all ± one size have 1.
LEAST_KURTOSIS = 1.05
#: Variance below which its square would vanish in float64.
LEAST_VARIANCE = 1e-150

# --- The change point between trained and untrained rows

#: Nats that one feature of one row may count: one unusual row alone decides nothing. Fitted.
MOST_NATS = 6.0
#: Places whose log-likelihood is within this many nats of the best make the interval of the end. As a guide: twice the
#: difference is 10, beyond the 99.8 % point of chi-squared with one degree of freedom.
CLOSE_NATS = 5.0
#: Trained rows that the features' distribution is learned from: at least and at most. Below, a mean of them says
#: nothing; above, rows are too far away to be like those at the end.
LEAST_HEAD, MOST_HEAD = 8, 48
#: At most one in this many of the trained rows; the other half gives the independent direction that they are tried on.
HEAD_SHARE = 2
#: A standard deviation of the trained rows' features below that of an untrained row would be an artifact of few rows.
LEAST_DEVIATION = 1.0
#: The interval reaches at most this far from the best place: this number of rows, or this fraction of the table.
LEAST_REACH, REACH_FRACTION = 4, 8
#: Nats by which the rows past the end must be likelier untrained than trained like those before. Fitted: short tails
#: that rare sequences reached match the initial distribution too, but their rows are like those before.
LEAST_GAIN = 10.0
#: The rows from three quarters of the end on must surely be trained; else the end is gradual, and none is claimed.
SHARP_AT = (3, 4)
#: Widest interval of an end that is claimed: this number of rows, or this fraction of the trained ones. Fitted; the
#: study counts an end as right within 10 % of the truth.
LEAST_WIDTH, WIDTH_FRACTION = 4, 5

# --- Tables without an end

#: The rows whose p-value decides that a table was trained to its end: this fraction of them, and at least this number.
LAST_FRACTION, LEAST_LAST = 8, 8
#: Unusual rows at the very end are not suggested for use if they are fewer than this fraction of the table: a longer
#: run is a part of the table, not its edge.
EDGE_FRACTION = 32

# --- A step of the norms

#: Rows on each side of a step: this fraction of the table, between the two limits. Six give a usable median; with 40 it
#: is precise, and a trend within the window is still small.
WINDOW_FRACTION, LEAST_WINDOW, MOST_WINDOW = 12, 6, 40
#: No step is sought in this first fraction of the rows: position 0 and its neighbors are often unlike the rest.
START_FRACTION = 16
#: The table must have at least this many windows, or there is no level to step from.
LEAST_WINDOWS = 4
#: Standard errors by which the medians on both sides must differ.
LEAST_STEP = 8.0
#: Times the median statistic of all places that a step's must reach: a trend has a large one everywhere.
SPIKE = 4.0
#: Windows on each side over which the cosines to the next row are averaged, for the evidence.
COSINE_WINDOWS = 4
#: Spread of the norms below which the statistic would divide by zero.
LEAST_SPREAD = 1e-12

# --- Unusual rows

#: Positions whose median norm a row is compared with: an odd number, so that the row is in the middle. A run of up to
#: seven unusual rows does not move the median.
NEIGHBORHOOD = 15
#: Relative difference of the norm from that median; a smaller one does not matter, however unlikely it is.
LEAST_CHANGE = 0.2
#: The same in robust standard deviations of all such differences. Of normal ones, two in a billion lie beyond.
LEAST_Z = 6.0
#: If more of the rows than this share are far from their neighbors, none is unusual: the table is like that.
MOST_UNUSUAL = 0.1

# --- Confidence: the share of such verdicts that held in the study, rounded down

#: Copies, equal rows and one norm, which training never leaves behind; not from the study.
CONFIDENCE_EXACT = 0.99
#: 107 of 111 claimed ends were within 10 % of the truth.
CONFIDENCE_ENDS = 0.95
#: All 97 tables called whole were trained to their end; so few tables cannot show more.
CONFIDENCE_WHOLE = 0.95

#: 21 of the 22 ends that the weights of held-out models gave were within 10 % of the truth.
CONFIDENCE_WEIGHTS = 0.95

# --- Beside the weights of the model

#: Rows or columns below which a matrix has no second moments to speak of (a head of two labels, for example).
LEAST_MATRIX_ROWS = 8
#: Directions along which rows are only taken as they are; the weights' excitation is measured beside them. A sum of
#: squares along a few strong directions would be no normal number.
PLAIN_DIRECTIONS = 4
#: How much one matrix may pull a direction to the front, in units of its median eigenvalue: one alone decides nothing.
MOST_PULL = 20.0
#: Added to the eigenvalues (mean 1) before their logarithm, so that a matrix of low rank counts the rest as weak.
SHAPE_FLOOR = 0.1
#: Independent forms that are made of all matrices, and the least variance of one, as a share of the first's.
MOST_SHAPES, LEAST_SHAPE = 16, 1e-3
#: Rows after which the forecast has forgotten two thirds: one that follows quick changes, and one that is sure.
MEMORIES = (16, 64)
#: Per row, how much of its prior probability an inactive direction gets back, and the probability that another memory
#: becomes right. No direction becomes inactive again: untrained rows would pass for trained ones with no sign of it.
WAKES, SWITCHES = 0.003, 0.01
#: Rows that the first guess of the common variance counts for.
PRIOR_ROWS = 4.0
#: Prior probabilities: most tables were trained whole, and few models are published without any training.
LIKELY_WHOLE, LIKELY_NONE = 0.5, 0.1
#: Probability of all rows being trained from which that is said; the same for all or nearly all of them (this times the
#: end is beyond the table's), if all is likelier than not.
POSTERIOR_WHOLE, NEARLY = 0.95, 1.1
#: Most probability left for all or none, where an end is claimed.
RULED_OUT = 0.02
#: An end is near the table's where this times the upper end of its interval is beyond it; then it takes this many nats.
#: Fitted: where lengths spread over the whole table, the last rows are read so rarely that they pass for untrained, but
#: barely.
EDGE, EDGE_NATS = 1.2, 20.0
#: Share of the nats per row that the last quarter before an end must have, of those in the second quarter. Below it,
#: training faded out, and nothing shows where. Fitted.
FADED = 1 / 3
#: Widest interval of an end that is claimed: this fraction of it. That there is an end is then sure, not where.
WIDE_FRACTION = 2
