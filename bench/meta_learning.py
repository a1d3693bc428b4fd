"""iMAML and MAML of bench/meta_learning.cpp in PyTorch, in double: the same numbers, and the times beside each other.

    build/release/bench/meta_learning /tmp/meta.txt && python3 bench/meta_learning.py /tmp/meta.txt

`loop` goes over the tasks one by one, as one writes it first; `batch` does all tasks at once, every layer one bmm.
"""
import statistics
import sys
import time

try:
    import torch
except ImportError:
    print("skipped: PyTorch (Debian: python3-torch) is not installed")
    sys.exit(0)

torch.set_default_dtype(torch.float64)
lines = [[float(x) for x in line.split()] for line in open(sys.argv[1])]
h, count, shots, maml_steps, imaml_steps, cg_steps = (int(x) for x in lines[0][:6])
maml_rate, imaml_rate, pull, threads = lines[0][6:]
torch.set_num_threads(int(threads))
start = torch.tensor(lines[1])
tasks = torch.tensor(lines[2 : 2 + 4 * count]).reshape(count, 4, shots)
support, query = tasks[:, :2], tasks[:, 2:]
answers = lines[2 + 4 * count :]


def split(x):
    """a, b, W, c, w, d of Network in examples/sinusoid.hpp; W is stored by columns."""
    a, b, W, c, w, d = torch.split(x, [h, h, h * h, h, h, 1], -1)
    return a, b, W.unflatten(-1, (h, h)).transpose(-1, -2), c, w, d


def fit_one(x, data):
    a, b, W, c, w, d = split(x)
    A = torch.tanh(torch.outer(a, data[0]) + b[:, None])
    return ((w @ torch.tanh(W @ A + c[:, None]) + d - data[1]) ** 2).sum() / (2 * shots)


def fit_all(x, data):
    """The sum over tasks; x: tasks x n. Its gradient is that of each task."""
    a, b, W, c, w, d = split(x)
    A = torch.tanh(a[:, :, None] * data[:, 0][:, None] + b[:, :, None])
    C = torch.tanh(torch.baddbmm(c[:, :, None], W, A))
    return ((torch.bmm(w[:, None], C)[:, 0] + d - data[:, 1]) ** 2).sum() / (2 * shots)


def maml(fit, u, data, judge):
    u = u.clone().requires_grad_()
    x = u
    for _ in range(maml_steps):
        x = x - maml_rate * torch.autograd.grad(fit(x, data), x, create_graph=True)[0]
    return torch.autograd.grad(fit(x, judge), u)[0]


def imaml(fit, u, data, judge):
    x = u.clone()
    for _ in range(imaml_steps):
        x.requires_grad_()
        x = (x - imaml_rate * (torch.autograd.grad(fit(x, data), x)[0] + pull * (x - u))).detach()
    x.requires_grad_()
    rhs = torch.autograd.grad(fit(x, judge), x)[0]
    slope = torch.autograd.grad(fit(x, data), x, create_graph=True)[0]
    w, r = torch.zeros_like(rhs), rhs.clone()
    p, rr = r, (r * r).sum(-1, keepdim=True)
    for _ in range(cg_steps):
        Hp = torch.autograd.grad(slope, x, p, retain_graph=True)[0] + pull * p
        alpha = rr / (p * Hp).sum(-1, keepdim=True)
        w, r = w + alpha * p, r - alpha * Hp
        next_rr = (r * r).sum(-1, keepdim=True)
        p, rr = r + next_rr / rr * p, next_rr
    return pull * w


def loop(method):
    return sum(method(fit_one, start, support[i], query[i]) for i in range(count)) / count


def batch(method):
    return method(fit_all, start.expand(count, -1), support, query).mean(0)


def timed(call):
    call()
    seconds = []
    for _ in range(15):
        begin = time.perf_counter()
        answer = call()
        seconds.append(time.perf_counter() - begin)
    return answer, statistics.median(seconds)


print(f"{count} tasks, {h} units a layer ({start.numel()} weights), threads: {int(threads)}; milliseconds a batch of tasks")
print("          Tacit   loop  batch   loop/Tacit  batch/Tacit   relative difference: loop  batch")
worst = 0
for name, method, i in (("iMAML", imaml, 0), ("MAML", maml, 2)):
    ours, seconds = torch.tensor(answers[i + 1]), answers[i][1]
    (by_loop, loop_s), (by_batch, batch_s) = timed(lambda: loop(method)), timed(lambda: batch(method))
    off = [float((g - ours).norm() / ours.norm()) for g in (by_loop, by_batch)]
    worst = max(worst, *off)
    print(f"{name:6s} {1e3 * seconds:8.2f} {1e3 * loop_s:6.1f} {1e3 * batch_s:6.2f} {loop_s / seconds:12.1f} {batch_s / seconds:12.2f}"
          f"{off[0]:32.1e} {off[1]:6.1e}")
if worst > 1e-10:
    sys.exit(f"the hypergradients differ by {worst:.1e}")
