# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A model of a VPC with an EKS-like cluster in network namespaces; see lab.py for a first look."""

from .agent import Flow, FlowReport, Probe, Station
from .cni import FLAVOURS
from .daemons import Daemon, DaemonFailed, DaemonNotBuilt
from .exits import ExitRow, Mark
from .lab import Lab, PodStation
from .wait import DeadlineExceeded, wait_until

__all__ = ["FLAVOURS", "Daemon", "DaemonFailed", "DaemonNotBuilt", "DeadlineExceeded", "ExitRow",
           "Flow", "FlowReport", "Lab", "Mark", "PodStation", "Probe", "Station", "wait_until"]
