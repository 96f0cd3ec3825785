// Copyright bpo_crm contributors
// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import {reactive} from "@odoo/owl";

/**
 * Work with many records, batch by batch, each a request of its own: what is done stays done.
 *
 * The server's method gets the ids of a batch, and returns `{id, name, text}` of each record for
 * which not all went well (`models/walk.py`).
 */
export class Walk {
    /**
     * @param {Object} orm the service
     * @param {Object} params
     * @param {string} params.model
     * @param {string} params.method
     * @param {number[]} params.ids
     * @param {number} params.batch_size
     */
    constructor(orm, {model, method, ids, batch_size: batchSize}) {
        this.callBatch = (batch) => orm.silent.call(model, method, [batch]);
        this.ids = ids;
        this.batchSize = batchSize;
        this.done = 0;
        this.problems = [];
        this.running = false;
        this.stopping = false;
        // seconds that all batches so far have taken
        this.seconds = 0;
    }

    get total() {
        return this.ids.length;
    }

    get finished() {
        return this.done >= this.total;
    }

    /** How long the rest takes, in seconds, if it goes on like this; null while nobody knows. */
    get secondsLeft() {
        return this.done ? (this.seconds / this.done) * (this.total - this.done) : null;
    }

    /**
     * Work until all is done, or until it is stopped; go on with what is left.
     *
     * Where a batch fails as a whole (no connection, no rights) it is the next one once more.
     */
    async run() {
        this.running = true;
        this.stopping = false;
        try {
            while (!this.finished && !this.stopping) {
                await this.runBatch();
            }
        } finally {
            this.running = false;
            this.stopping = false;
        }
    }

    async runBatch() {
        const ids = this.ids.slice(this.done, this.done + this.batchSize);
        const started = performance.now();
        const problems = await this.callBatch(ids);
        this.seconds += (performance.now() - started) / 1000;
        this.problems.push(...problems);
        this.done += ids.length;
    }

    /** Stop after the batch that is under way. */
    stop() {
        this.stopping = this.running;
    }
}

/** @returns {Walk} that components see change */
export function makeWalk(orm, params) {
    return reactive(new Walk(orm, params));
}
