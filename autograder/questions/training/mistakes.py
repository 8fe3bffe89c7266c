"""Updates of a training step, a right one and mistakes in its order: what misconceptions of several questions are made of.

Each is called as ``update(loss, optimizer, scheduler)`` with the loss of one batch.
"""

from __future__ import annotations


def right_update(loss, optimizer, scheduler):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()


def no_zero_grad(loss, optimizer, scheduler):
    loss.backward()
    optimizer.step()
    scheduler.step()


def zero_grad_after_backward(loss, optimizer, scheduler):
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    scheduler.step()


def scheduler_first(loss, optimizer, scheduler):
    optimizer.zero_grad()
    loss.backward()
    scheduler.step()
    optimizer.step()


def no_scheduler(loss, optimizer, scheduler):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def scheduler_twice(loss, optimizer, scheduler):
    right_update(loss, optimizer, scheduler)
    scheduler.step()


def no_step(loss, optimizer, scheduler):
    optimizer.zero_grad()
    loss.backward()
    scheduler.step()


def step_twice(loss, optimizer, scheduler):
    no_scheduler(loss, optimizer, scheduler)
    optimizer.step()
    scheduler.step()


def loss_only(loss, optimizer, scheduler):
    scheduler.step()
