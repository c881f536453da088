/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory devices, their endpoints, and the ports above. */
#ifndef SIM_MEMDEV_H
#define SIM_MEMDEV_H

struct node;
struct sim;

int memdev_attach(struct sim *sim, struct node *memdev);
int memdev_probe(struct sim *sim, struct node *memdev, const char *driver);
void memdev_unbind(struct sim *sim, struct node *memdev);
int port_probe(struct sim *sim, struct node *port, const char *driver);
void port_unbind(struct sim *sim, struct node *port);

/* The CXL bus's flush, which waits for what was left to the work queue. */
void cxl_bus_attach(struct sim *sim);

#endif
